"""Rows of the busiest tables, found and changed by SQL that is put together once.

Django composes each statement anew, which for a single row takes several times as long as the database needs for
it; a run is a dozen of these. Values pass through the same fields as everywhere else. Signals are not sent.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model

# `=` that also holds between nulls.
_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}


def update(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` on the rows whose columns are as `where` says, the primary key first. Answers how many."""
    sql = _update(model, tuple(where), tuple(values), connection.vendor)
    return _run(sql, [*_stored(model, values), *_stored(model, where)])


def find(model: type[Model], where: Mapping[str, Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of `names` of the rows whose columns are as `where` says, what narrows most first."""
    with connection.cursor() as cursor:
        cursor.execute(_find(model, tuple(where), tuple(names), connection.vendor), _stored(model, where))
        rows = cursor.fetchall()
    columns = [_reading(model, name, connection.vendor) for name in names]
    return [tuple(read(value) for read, value in zip(columns, row, strict=True)) for row in rows]


def insert(row: Model) -> None:
    """Save a new row that has its primary key already. Raises IntegrityError."""
    fields = row._meta.concrete_fields
    sql = _insert(type(row), connection.vendor)
    _run(sql, [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields])
    row._state.adding, row._state.db = False, connection.alias


def _run(sql: str, parameters: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        changed: int = cursor.rowcount
    return changed


def _stored(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    return [
        _field(model, name).get_db_prep_save(value.pk if isinstance(value, Model) else value, connection)
        for name, value in values.items()
    ]


@cache
def _reading(model: type[Model], name: str, vendor: str) -> Callable[[Any], Any]:
    """What makes a column's value of what this database answers, as Django does it."""
    field = _field(model, name)
    column = field.get_col(model._meta.db_table)
    converters = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, column, connection)
        return value

    return read


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
def _insert(model: type[Model], vendor: str) -> str:
    columns = [_column(field) for field in model._meta.concrete_fields]
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - as above


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))
