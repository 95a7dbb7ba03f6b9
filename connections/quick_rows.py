"""Rows of the busiest tables, found and changed by SQL that is put together once.

Django composes each statement anew, and PostgreSQL plans it anew, which for a single row takes several times as long
as running it; a run is a dozen of these. Here they are kept, in both, and what is written at one moment goes there as
one statement. Values pass through the same fields as everywhere else. Signals are not sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model

from connections import quick_sql

Row = TypeVar("Row", bound=Model)
Other = TypeVar("Other", bound=Model)


class _Part(NamedTuple):
    """A statement of several. lost: raised where it finds nothing. then: called with what it answers."""

    sql: str
    parameters: Sequence[Any]
    lost: Exception | None
    then: Callable[[Any], None]


_parts: ContextVar[list[_Part] | None] = ContextVar("parts", default=None)


@contextmanager
def in_one() -> Iterator[None]:
    """What is written within is written together at its end, on PostgreSQL by one statement that needs no transaction.

    Each sees the rows as they were before, so none is written twice. Where one raises its `lost`, nothing behind it is
    done; so begin with what has to be so, by `hold` or the one change that depends on nothing else.
    """
    if _vendor() != "postgresql":
        with transaction.atomic():
            yield
        return
    parts = list[_Part]()
    token = _parts.set(parts)
    try:
        yield
    finally:
        _parts.reset(token)
    if parts:
        _run_in_one(parts)


def _run_in_one(parts: list[_Part]) -> None:
    sql = quick_sql.in_one(tuple((part.sql, part.lost is not None) for part in parts))
    with run(sql, [value for part in parts for value in part.parameters]) as cursor:
        answers = cursor.fetchone()
    for part, answer in zip(parts, answers, strict=True):
        _heed(part, answer)


def _heed(part: _Part, answer: Any) -> None:
    if answer is not None:
        part.then(answer)
    elif part.lost is not None:
        raise part.lost


def write(
    sql: str,
    parameters: Sequence[Any],
    lost: Exception | None = None,
    then: Callable[[Any], None] = lambda answer: None,
) -> None:
    """Run a statement with {so_far} in its condition that answers a column `answer` for each row it has written.

    lost: raised if it has written none. then: called with the first answer, if there is one. sql: see `run`.
    """
    part, parts = _Part(sql, parameters, lost, then), _parts.get()
    if parts is None:
        with run(quick_sql.alone(sql), parameters) as cursor:
            rows = cursor.fetchall()
        _heed(part, rows[0][0] if rows else None)
    else:
        parts.append(part)


def change(row: Model, where: Mapping[str, Any], values: Mapping[str, Any], lost: Exception | None) -> None:
    """Set `values` on that row if it is as `where` says, and, once they are written, on the object.

    lost: see `write`; None: that does not matter.
    """
    model, where = type(row), {"pk": row.pk, **where}
    sql = quick_sql.update(model, tuple(where), tuple(values), _vendor())
    write(sql, [*stored(model, values), *stored(model, where)], lost, lambda _: _set(row, values))


def hold(row: Model, where: Mapping[str, Any], lost: Exception) -> None:
    """Nobody else changes that row, which is as `where` says, before all is written that is written `in_one`."""
    model, where = type(row), {"pk": row.pk, **where}
    write(quick_sql.hold(model, tuple(where), _vendor()), stored(model, where), lost)


def insert(
    row: Model,
    values: Mapping[str, Any] | None = None,
    *,
    same: tuple[str, ...] = (),
    renewed: tuple[str, ...] = (),
) -> None:
    """Save a new row with `values` instead of what the object has, which it has once they are written.

    A primary key that the database chooses is not read back. same: the columns of a constraint by which the row may be
    there already; then only `renewed` are written. Raises IntegrityError.
    """
    model, values = type(row), values or {}
    columns = {
        field.name: values[field.name] if field.name in values else field.pre_save(row, True)
        for field in model._meta.concrete_fields
    }
    # What is left out is null, and a primary key the database's choice.
    columns = {name: value for name, value in columns.items() if value is not None}
    sql = quick_sql.insert(model, tuple(columns), same, renewed)
    write(sql, stored(model, columns), then=lambda _: _set(row, values))


def _set(row: Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Set `values` on that row if it is as `where` says; answers whether it was. The object stays as it is.

    Not `in_one` with others: there nothing is known yet.
    """
    return _updated(quick_sql.update, row, where, values)


def claim(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """As `update`, without waiting for the disk: what is written next waits, for this too, and until then a claim that
    goes with the server has claimed nothing. So not in a transaction with anything else.
    """
    return _updated(quick_sql.claim, row, where, values)


def _updated(
    statement: Callable[..., str], row: Model, where: Mapping[str, Any], values: Mapping[str, Any]
) -> bool:
    if _parts.get() is not None:
        raise RuntimeError("use change() in one with other statements")
    found: list[Any] = []
    model, where = type(row), {"pk": row.pk, **where}
    sql = statement(model, tuple(where), tuple(values), _vendor())
    write(sql, [*stored(model, values), *stored(model, where)], then=found.append)
    return bool(found)


def read_with(
    model: type[Row], where: Mapping[str, Any], other: type[Other], reference: str
) -> tuple[Row, Other | None]:
    """The one row whose columns are as `where` says, and that of `other` which refers to it by its unique column
    `reference`, if there is one. Raises model.DoesNotExist.
    """
    sql = quick_sql.find_with(model, tuple(where), other, reference, _vendor())
    with run(sql, stored(model, where)) as cursor:
        row = cursor.fetchone()
    if row is None:
        raise model.DoesNotExist(f"no {model.__name__} is as asked")  # type: ignore[attr-defined]
    width = len(quick_sql.columns_of(model))
    its = row[width:]
    return _made(model, row[:width]), None if its[0] is None else _made(other, its)


def _made(model: type[Row], values: Sequence[Any]) -> Row:
    """Of all its columns; the first of them is the primary key."""
    names, values = quick_sql.columns_of(model), list(values)
    for place, column, convert in quick_sql.converters(model, _vendor()):
        values[place] = convert(values[place], column, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


def run(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> CursorWrapper:
    """The cursor that has run it, to be closed. sql: one of a few that are always the same."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    cursor: CursorWrapper = (
        database.prepared_cursor() if database.vendor == "postgresql" else database.cursor()
    )
    cursor.execute(sql, parameters)
    return cursor


@cache
def _vendor() -> str:
    return connections[DEFAULT_DB_ALIAS].vendor


def stored(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    """What the columns of those names keep of `values`, for a statement's parameters."""
    fields = quick_sql.fields(model, tuple(values), _vendor())
    return [
        value if value is None or type(value) is plain else _prepared(field, value)
        for value, (field, plain) in zip(values.values(), fields, strict=True)
    ]


def _prepared(field: "Field[Any, Any]", value: Any) -> Any:
    return field.get_db_prep_save(value.pk if isinstance(value, Model) else value, connection)
