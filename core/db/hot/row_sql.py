"""The SQL of core.db.hot, composed once for each model, set of columns and database.

A statement that writes returns a column `answer` for each row it writes, and no row if it matches nothing. {so_far} in
it stands for the condition that the parts before it in a batch matched.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, CharField, DateTimeField, Field, IntegerField, Model, UUIDField
from django.db.models.expressions import Col

# Position in the row, column, and the function from the database's value to the field's.
Converters = list[tuple[int, Col, Callable[..., Any]]]
# Equality that also holds between nulls.
_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}
# PostgreSQL takes these as they are.
_PLAIN: dict[type, type] = {
    BooleanField: bool,
    CharField: str,
    DateTimeField: datetime,
    IntegerField: int,
    UUIDField: UUID,
}
_DID = "RETURNING 1 AS answer"


@cache
def converters(model: type[Model], vendor: str) -> Converters:
    """Return the converters by which Django makes field values of this database's values, for all columns."""
    found: Converters = []
    for place, name in enumerate(columns_of(model)):
        of = field(model, name)
        column = of.get_col(model._meta.db_table)
        converters = [*connection.ops.get_db_converters(column), *of.get_db_converters(connection)]
        found += [(place, column, convert) for convert in converters]
    return found


@cache
def field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column of {model.__name__}")
    return field


@cache
def fields(
    model: type[Model], names: tuple[str, ...], vendor: str
) -> list[tuple["Field[Any, Any]", type | None]]:
    """Return the named fields, each with the type whose values the database driver takes as they are, if any."""
    return [(field(model, name), _plain(field(model, name), vendor)) for name in names]


def _plain(of: "Field[Any, Any]", vendor: str) -> type | None:
    of = getattr(of, "target_field", of)  # that of a foreign key
    kinds = (value for kind, value in _PLAIN.items() if isinstance(of, kind))
    return next(kinds, None) if vendor == "postgresql" else None


@cache
def update(model: type[Model], where: tuple[str, ...], values: tuple[str, ...], vendor: str) -> str:
    changes = ", ".join(f"{_column(field(model, name))} = %s" for name in values)
    return f"UPDATE {_table(model)} SET {changes} WHERE {_as(model, where, vendor)} AND {{so_far}} {_DID}"  # noqa: S608 - names of our own


@cache
def claim(model: type[Model], where: tuple[str, ...], values: tuple[str, ...], vendor: str) -> str:
    """Like `update`; on PostgreSQL its transaction does not wait for the disk (the third argument: until it ends)."""
    sql = update(model, where, values, vendor)
    at_once = "set_config('synchronous_commit', 'off', true) IS NOT NULL"
    return sql.replace("{so_far}", f"{at_once} AND {{so_far}}") if vendor == "postgresql" else sql


@cache
def hold(model: type[Model], where: tuple[str, ...], vendor: str) -> str:
    lock = " FOR NO KEY UPDATE" if vendor == "postgresql" else ""
    return f"SELECT 1 AS answer FROM {_table(model)} WHERE {_as(model, where, vendor)} AND {{so_far}}{lock}"  # noqa: S608 - as above


@cache
def find_with(
    model: type[Model], where: tuple[str, ...], other: type[Model], reference: str, vendor: str
) -> str:
    """Select all columns of a row of `model` and of the row of `other` that refers to it, or nulls."""
    columns = ", ".join(_of_table(table, name) for table in (model, other) for name in columns_of(table))
    refers = f"{_of_table(other, reference)} = {_of_table(model, 'pk')}"
    return (
        f"SELECT {columns} FROM {_table(model)} LEFT JOIN {_table(other)} ON {refers}"  # noqa: S608 - as above
        f" WHERE {_as(model, where, vendor)}"
    )


@cache
def find_keys(model: type[Model], most: int, vendor: str) -> str:
    """Select all columns of rows by primary key: on PostgreSQL of a list, else of `most` keys."""
    columns = ", ".join(_of_table(model, name) for name in columns_of(model))
    key, kind = field(model, "pk"), field(model, "pk").rel_db_type(connection)
    keys = f"= ANY(%s::{kind}[])" if vendor == "postgresql" else f"IN ({', '.join(['%s'] * most)})"
    return f"SELECT {columns} FROM {_table(model)} WHERE {_of_table(model, key.name)} {keys}"  # noqa: S608 - as above


@cache
def columns_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def _as(model: type[Model], where: tuple[str, ...], vendor: str) -> str:
    """The first column is never null and compared so that an index serves it; the others may be null."""
    first, *others = (_of_table(model, name) for name in where)
    return f"{first} = %s" + "".join(f" AND {column} {_SAME[vendor]} %s" for column in others)


@cache
def insert(
    model: type[Model], names: tuple[str, ...], same: tuple[str, ...], renewed: tuple[str, ...]
) -> str:
    """same: columns of a unique constraint; on a conflict only the columns `renewed` are written."""
    columns = [_column(field(model, name)) for name in names]
    values = ", ".join(["%s"] * len(columns))
    conflict = ""
    if same:
        there = ", ".join(_column(field(model, name)) for name in same)
        anew = ", ".join(f"{name} = EXCLUDED.{name}" for name in (_column(field(model, n)) for n in renewed))
        conflict = f" ON CONFLICT ({there}) DO UPDATE SET {anew}"
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) SELECT {values} WHERE {{so_far}}{conflict} {_DID}"


@cache
def alone(sql: str) -> str:
    """Return the statement without a condition on others."""
    return sql.format(so_far="TRUE")


@cache
def as_one(statements: tuple[tuple[str, bool], ...]) -> str:
    """Return one statement of PostgreSQL that runs all of them, up to the first guard (True) that matches nothing.

    It returns one row with the first answer of each. All parts see the rows as they were before.
    """
    parts, so_far = [], "TRUE"
    for number, (sql, has_to) in enumerate(statements):
        parts.append(f"s{number} AS ({sql.format(so_far=so_far)})")
        if has_to:
            so_far = f"EXISTS (SELECT FROM s{number})"
    answers = ", ".join(f"(SELECT answer FROM s{number} LIMIT 1)" for number in range(len(parts)))  # noqa: S608 - as above
    return f"WITH {', '.join(parts)} SELECT {answers}"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _of_table(model: type[Model], name: str) -> str:
    return f"{_table(model)}.{_column(field(model, name))}"


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))
