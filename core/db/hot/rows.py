"""Rows of the busiest tables, found and changed by SQL that is put together once.

Django composes each statement anew, and PostgreSQL plans it anew, which for a single row takes several times as long
as running it; a run is a dozen of these. Here they are kept, in both, and what is written at one moment goes there as
one statement. Values pass through the same fields as everywhere else. Signals are not sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model

from core.db.hot import row_sql
from core.db.hot.batch import refuse_in_one, refuse_in_transaction, run, vendor, write

Row = TypeVar("Row", bound=Model)
Other = TypeVar("Other", bound=Model)


def change(row: Model, where: Mapping[str, Any], values: Mapping[str, Any], lost: Exception | None) -> None:
    """Set `values` on that row if it is as `where` says, and, once they are written, on the object.

    lost: see `write`; None: that does not matter.
    """
    model, where = type(row), {"pk": row.pk, **where}
    sql = row_sql.update(model, tuple(where), tuple(values), vendor())
    write(sql, [*stored(model, values), *stored(model, where)], lost, lambda _: _set(row, values))


def hold(row: Model, where: Mapping[str, Any], lost: Exception) -> None:
    """Lock a row that matches `where` until the end of the batch (`in_one`); raise `lost` if it does not match."""
    model, where = type(row), {"pk": row.pk, **where}
    write(row_sql.hold(model, tuple(where), vendor()), stored(model, where), lost)


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
    sql = row_sql.insert(model, tuple(columns), same, renewed)
    write(sql, stored(model, columns), then=lambda _: _set(row, values))


def _set(row: Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Set `values` on that row if it is as `where` says; answers whether it was. The object stays as it is.

    Not `in_one` with others: there nothing is known yet.
    """
    return _updated(row_sql.update, row, where, values)


def claim(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """As `update`, without waiting for the disk: what is written next waits, for this too, and until then a claim that
    goes with the server has claimed nothing. Raises RuntimeError in a transaction, where that would hold for the rest.
    """
    refuse_in_transaction()
    return _updated(row_sql.claim, row, where, values)


def _updated(
    statement: Callable[..., str], row: Model, where: Mapping[str, Any], values: Mapping[str, Any]
) -> bool:
    refuse_in_one()
    found: list[Any] = []
    model, where = type(row), {"pk": row.pk, **where}
    sql = statement(model, tuple(where), tuple(values), vendor())
    write(sql, [*stored(model, values), *stored(model, where)], then=found.append)
    return bool(found)


def read_with(
    model: type[Row], where: Mapping[str, Any], other: type[Other], reference: str
) -> tuple[Row, Other | None]:
    """The one row whose columns are as `where` says, and that of `other` which refers to it by its unique column
    `reference`, if there is one. Raises model.DoesNotExist.
    """
    sql = row_sql.find_with(model, tuple(where), other, reference, vendor())
    with run(sql, stored(model, where)) as cursor:
        row = cursor.fetchone()
    if row is None:
        raise model.DoesNotExist(f"no {model.__name__} is as asked")  # type: ignore[attr-defined]
    width = len(row_sql.columns_of(model))
    its = row[width:]
    return _made(model, row[:width]), None if its[0] is None else _made(other, its)


def _made(model: type[Row], values: Sequence[Any]) -> Row:
    """Of all its columns; the first of them is the primary key."""
    names, values = row_sql.columns_of(model), list(values)
    for place, column, convert in row_sql.converters(model, vendor()):
        values[place] = convert(values[place], column, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


def stored(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    """What the columns of those names keep of `values`, for a statement's parameters."""
    fields = row_sql.fields(model, tuple(values), vendor())
    return [
        value if value is None or type(value) is plain else _prepared(field, value)
        for value, (field, plain) in zip(values.values(), fields, strict=True)
    ]


def _prepared(field: "Field[Any, Any]", value: Any) -> Any:
    return field.get_db_prep_save(value.pk if isinstance(value, Model) else value, connection)
