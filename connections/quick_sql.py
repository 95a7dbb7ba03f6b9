"""The SQL of connections.quick_rows, put together once for each model, columns and database."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import Col

# Place in the row, column, and what makes of a value there what the field has.
Converters = list[tuple[int, Col, Callable[..., Any]]]
# `=` that also holds between nulls.
_SAME = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}


@cache
def converters(model: type[Model], names: tuple[str, ...], vendor: str) -> Converters:
    """What makes columns' values of what this database answers, as Django does it."""
    found: Converters = []
    for place, name in enumerate(names):
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
def update(model: type[Model], where: tuple[str, ...], values: tuple[str, ...], vendor: str) -> str:
    changes = ", ".join(f"{_column(field(model, name))} = %s" for name in values)
    return f"UPDATE {_table(model)} SET {changes} WHERE {_as(model, where, vendor)}"  # noqa: S608 - names of our own


@cache
def find(model: type[Model], where: tuple[str, ...], names: tuple[str, ...], vendor: str) -> str:
    columns = ", ".join(_column(field(model, name)) for name in names)
    return f"SELECT {columns} FROM {_table(model)} WHERE {_as(model, where, vendor)}"  # noqa: S608 - as above


def _as(model: type[Model], where: tuple[str, ...], vendor: str) -> str:
    """The first is never null and compared so that an index is used; the others may be."""
    first, *others = (_column(field(model, name)) for name in where)
    return f"{first} = %s" + "".join(f" AND {column} {_SAME[vendor]} %s" for column in others)


@cache
def insert(model: type[Model], names: tuple[str, ...], vendor: str) -> str:
    columns = [_column(field(model, name)) for name in names]
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - as above


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))
