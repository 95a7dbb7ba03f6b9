"""Rows of the busiest tables, found and changed by SQL that is put together once.

Django composes each statement anew, and PostgreSQL plans it anew, which for a single row takes several times as long
as running it; a run is a dozen of these. Here they are kept, in both. Values pass through the same fields as everywhere
else. Signals are not sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from connections import quick_sql

Row = TypeVar("Row", bound=Model)
_Expected = list[tuple[CursorWrapper, Exception]]
_expected: ContextVar[_Expected | None] = ContextVar("expected", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Statements within, of one transaction, go to PostgreSQL without waiting for each other's answers.

    What one of them raises may be raised by a later one, or at the end; first what a `change` would.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        yield
        return
    expected = _Expected()
    token = _expected.set(expected)
    try:
        with database.pipelined():
            yield
    except Error as error:
        # What the row would not have allowed may be why.
        for cursor, lost in expected:
            if cursor.rowcount == 0:
                raise lost from error
        raise
    finally:
        _expected.reset(token)
    for cursor, lost in expected:
        _check(cursor, lost)


def update(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` on the rows whose columns are as `where` says, the primary key first. Answers how many.

    Raises RuntimeError `together` with others: how many is not known there.
    """
    if _expected.get() is not None:
        raise RuntimeError("use change() together with other statements")
    with _changing(model, where, values) as cursor:
        changed: int = cursor.rowcount
    return changed


def change(
    model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any], lost: Exception | None
) -> None:
    """Set `values` on the one row that `where` finds. Raises `lost` if there is none, `together` at the end; None: that
    does not matter.
    """
    cursor, expected = _changing(model, where, values), _expected.get()
    if lost is None:
        return
    if expected is None:
        _check(cursor, lost)
    else:
        expected.append((cursor, lost))


def _check(cursor: CursorWrapper, lost: Exception) -> None:
    with cursor:
        if not cursor.rowcount:
            raise lost


def _changing(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> CursorWrapper:
    sql = quick_sql.update(model, tuple(where), tuple(values), connection.vendor)
    return run(sql, [*_stored(model, values), *_stored(model, where)])


def read(model: type[Row], where: Mapping[str, Any]) -> Row:
    """The one row whose columns are as `where` says. Raises model.DoesNotExist."""
    names = tuple(field.attname for field in model._meta.concrete_fields)
    rows = find(model, where, names)
    if not rows:
        raise model.DoesNotExist(f"no {model.__name__} is as asked")  # type: ignore[attr-defined]
    return model.from_db(DEFAULT_DB_ALIAS, names, rows[0])


def find(model: type[Model], where: Mapping[str, Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of `names` of the rows whose columns are as `where` says, what narrows most first."""
    names, vendor = tuple(names), connection.vendor
    with run(quick_sql.find(model, tuple(where), names, vendor), _stored(model, where)) as cursor:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    converters = quick_sql.converters(model, names, vendor)
    return [_converted(row, converters) for row in rows] if converters else rows


def _converted(row: tuple[Any, ...], converters: quick_sql.Converters) -> tuple[Any, ...]:
    values = list(row)
    for place, column, convert in converters:
        values[place] = convert(values[place], column, connection)
    return tuple(values)


def insert(row: Model) -> None:
    """Save a new row; a primary key that the database chooses is not read back. Raises IntegrityError."""
    columns = row._meta.concrete_fields
    fields = [field for field in columns if row.pk is not None or not field.primary_key]
    sql = quick_sql.insert(type(row), tuple(field.name for field in fields), connection.vendor)
    run(sql, [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]).close()
    row._state.adding, row._state.db = False, connection.alias


def run(sql: str, parameters: Sequence[Any]) -> CursorWrapper:
    """The cursor that has run it, to be closed. sql: one of a few that are always the same."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    cursor: CursorWrapper = (
        database.prepared_cursor() if database.vendor == "postgresql" else database.cursor()
    )
    cursor.execute(sql, parameters)
    return cursor


def _stored(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    return [
        quick_sql.field(model, name).get_db_prep_save(
            value.pk if isinstance(value, Model) else value, connection
        )
        for name, value in values.items()
    ]
