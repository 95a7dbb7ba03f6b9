"""Rows of the busiest tables, found and changed by SQL that is put together once.

Django composes each statement anew, and PostgreSQL plans it anew, which for a single row takes several times as long
as running it; a run is a dozen of these. Here they are kept, in both. Values pass through the same fields as everywhere
else. Signals are not sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model
from django.db.models.expressions import Col

Row = TypeVar("Row", bound=Model)
_Converters = list[tuple[int, Col, Callable[..., Any]]]
# `=` that also holds between nulls.
_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}


_Expected = list[tuple[CursorWrapper, Exception]]
_expected: ContextVar[_Expected | None] = ContextVar("expected", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Statements within, of one transaction, go to PostgreSQL without waiting for each other's answers.

    What one of them raises may be raised by a later one, or at the end.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    expected = _Expected()
    token = _expected.set(expected)
    try:
        with database.pipelined() if database.vendor == "postgresql" else nullcontext():
            yield
    finally:
        _expected.reset(token)
    for cursor, lost in expected:
        _check(cursor, lost)


def update(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` on the rows whose columns are as `where` says, the primary key first. Answers how many; not
    `together` with others.
    """
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
    if expected is None and lost is not None:
        _check(cursor, lost)
    elif expected is not None and lost is not None:
        expected.append((cursor, lost))


def _check(cursor: CursorWrapper, lost: Exception) -> None:
    with cursor:
        if not cursor.rowcount:
            raise lost


def _changing(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> CursorWrapper:
    sql = _update(model, tuple(where), tuple(values), connection.vendor)
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
    with run(_find(model, tuple(where), names, vendor), _stored(model, where)) as cursor:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    converters = _converters(model, names, vendor)
    return [_converted(row, converters) for row in rows] if converters else rows


def _converted(row: tuple[Any, ...], converters: _Converters) -> tuple[Any, ...]:
    values = list(row)
    for place, column, convert in converters:
        values[place] = convert(values[place], column, connection)
    return tuple(values)


def insert(row: Model) -> None:
    """Save a new row; a primary key that the database chooses is not read back. Raises IntegrityError."""
    columns = row._meta.concrete_fields
    fields = [field for field in columns if row.pk is not None or not field.primary_key]
    sql = _insert(type(row), tuple(field.name for field in fields), connection.vendor)
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
        _field(model, name).get_db_prep_save(value.pk if isinstance(value, Model) else value, connection)
        for name, value in values.items()
    ]


@cache
def _converters(model: type[Model], names: tuple[str, ...], vendor: str) -> _Converters:
    """What makes columns' values of what this database answers, as Django does it."""
    found: _Converters = []
    for place, name in enumerate(names):
        field = _field(model, name)
        column = field.get_col(model._meta.db_table)
        converters = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
        found += [(place, column, convert) for convert in converters]
    return found


@cache
def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column of {model.__name__}")
    return field


@cache
def _update(model: type[Model], where: tuple[str, ...], values: tuple[str, ...], vendor: str) -> str:
    changes = ", ".join(f"{_column(_field(model, name))} = %s" for name in values)
    return f"UPDATE {_table(model)} SET {changes} WHERE {_as(model, where, vendor)}"  # noqa: S608 - names of our own


@cache
def _find(model: type[Model], where: tuple[str, ...], names: tuple[str, ...], vendor: str) -> str:
    columns = ", ".join(_column(_field(model, name)) for name in names)
    return f"SELECT {columns} FROM {_table(model)} WHERE {_as(model, where, vendor)}"  # noqa: S608 - as above


def _as(model: type[Model], where: tuple[str, ...], vendor: str) -> str:
    """The first is never null and compared so that an index is used; the others may be."""
    first, *others = (_column(_field(model, name)) for name in where)
    return f"{first} = %s" + "".join(f" AND {column} {_SAME[vendor]} %s" for column in others)


@cache
def _insert(model: type[Model], names: tuple[str, ...], vendor: str) -> str:
    columns = [_column(_field(model, name)) for name in names]
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - as above


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))
