"""Single rows of the busiest tables, claimed and read by SQL that is composed once for each model and set of columns.

Django composes each statement anew and PostgreSQL plans it anew, which for a single row takes several times as long
as running it. Values pass through the model's fields as in the ORM. Signals are not sent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, Model

from core.db.hot import row_sql
from core.db.hot.prepared import run, vendor

Row = TypeVar("Row", bound=Model)
Other = TypeVar("Other", bound=Model)


def update(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Set `values` on the row if it matches `where`. Return whether it did. The object stays as it is."""
    return _updated(row_sql.update, row, where, values)


def claim(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Like `update` with `synchronous_commit=off` on PostgreSQL.

    The next durable commit flushes it too; if the server crashes before that, the claim is lost. Raise RuntimeError
    within a transaction, where the setting would hold for the rest of it.
    """
    _refuse_in_transaction()
    return _updated(row_sql.claim, row, where, values)


def _updated(
    statement: Callable[..., str], row: Model, where: Mapping[str, Any], values: Mapping[str, Any]
) -> bool:
    model, where = type(row), {"pk": row.pk, **where}
    sql = row_sql.alone(statement(model, tuple(where), tuple(values), vendor()))
    with run(sql, [*stored(model, values), *stored(model, where)]) as cursor:
        return bool(cursor.fetchall())


def _refuse_in_transaction() -> None:
    """The transaction that a test runs in does not count, as for Django's `atomic(durable=True)`."""
    blocks: list[Any] = connections[DEFAULT_DB_ALIAS].atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise RuntimeError("A claim cannot be part of a transaction.")


def read_with(
    model: type[Row], where: Mapping[str, Any], other: type[Other], reference: str
) -> tuple[Row, Other | None]:
    """Return the row whose columns match `where`, and the row of `other` that refers to it, if there is one.

    reference: the unique column of `other`. Raise model.DoesNotExist.
    """
    sql = row_sql.find_with(model, tuple(where), other, reference, vendor())
    with run(sql, stored(model, where)) as cursor:
        row = cursor.fetchone()
    if row is None:
        raise model.DoesNotExist(f"no matching {model.__name__}")  # type: ignore[attr-defined]
    width = len(row_sql.columns_of(model))
    its = row[width:]
    return _made(model, row[:width]), None if its[0] is None else _made(other, its)


def of_keys(model: type[Row], keys: Iterable[Any]) -> dict[Any, Row]:
    """Return the rows with these primary keys, by key; those that do not exist are left out."""
    distinct = list(dict.fromkeys(keys))
    if not distinct:
        return {}
    most = _at_least(len(distinct))
    values = [stored(model, {"pk": key})[0] for key in distinct]
    if vendor() == "postgresql":
        parameters: list[Any] = [values]
    else:
        parameters = values + values[-1:] * (most - len(values))
    with run(row_sql.find_keys(model, most, vendor()), parameters) as cursor:
        found = [_made(model, row) for row in cursor.fetchall()]
    return {row.pk: row for row in found}


def fetch_related(rows: Iterable[Model], name: str) -> list[Model]:
    """Read what a foreign key of these rows, all of one model, refers to, and set it there. Return what was read."""
    rows = list(rows)
    if not rows:
        return []
    of = row_sql.field(type(rows[0]), name)
    found = of_keys(of.related_model, [key for row in rows if (key := getattr(row, of.attname)) is not None])  # type: ignore[arg-type]
    for row in rows:
        if (other := found.get(getattr(row, of.attname))) is not None:
            setattr(row, name, other)
    return list(found.values())


def _at_least(number: int) -> int:
    """Return 1, 4, 16 and so on: so many places for keys have the statements, which are kept."""
    places = 1
    while places < number:
        places *= 4
    return places


def _made(model: type[Row], values: Sequence[Any]) -> Row:
    """Return the object of all its columns; the first of them is the primary key."""
    names, values = row_sql.columns_of(model), list(values)
    for place, column, convert in row_sql.converters(model, vendor()):
        values[place] = convert(values[place], column, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


def stored(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    """Return the parameters by which the named columns of a statement get `values`, by column name."""
    fields = row_sql.fields(model, tuple(values), vendor())
    return [
        value if value is None or type(value) is plain else _prepared(field, value)
        for value, (field, plain) in zip(values.values(), fields, strict=True)
    ]


def _prepared(field: "Field[Any, Any]", value: Any) -> Any:
    return field.get_db_prep_save(value.pk if isinstance(value, Model) else value, connection)
