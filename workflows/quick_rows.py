"""Rows of the busiest tables, changed by SQL that is put together once.

Django composes each statement anew, which for a change by key takes several times as long as the database needs
for it; a run is a dozen of these. Values pass through the same fields as everywhere else. Signals are not sent.
"""

from collections.abc import Mapping
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
def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column of {model.__name__}")
    return field


@cache
def _update(model: type[Model], where: tuple[str, ...], values: tuple[str, ...], vendor: str) -> str:
    key, *others = (_column(_field(model, name)) for name in where)
    same = "".join(f" AND {column} {_SAME[vendor]} %s" for column in others)
    changes = ", ".join(f"{_column(_field(model, name))} = %s" for name in values)
    return f"UPDATE {_table(model)} SET {changes} WHERE {key} = %s{same}"  # noqa: S608 - names of our own


@cache
def _insert(model: type[Model], vendor: str) -> str:
    columns = [_column(field) for field in model._meta.concrete_fields]
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {_table(model)} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - as above


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: "Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))
