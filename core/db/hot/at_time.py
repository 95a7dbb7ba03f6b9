"""Queries whose only parameter is the time, composed by Django once instead of each time that they are asked."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db import connection
from django.db.models import QuerySet

from core.db.hot.prepared import run

Kind = TypeVar("Kind")

# Stands for the time while a statement is composed; no query has it in earnest.
_THEN = datetime(1987, 6, 5, 4, 3, 2, 1, tzinfo=UTC)


class AtTime:
    """A query of columns without converters, such as integers. rows_at: returns its queryset for a time."""

    def __init__(self, rows_at: Callable[[datetime], "QuerySet[Any, Any]"]) -> None:
        self._rows_at = rows_at

    def rows(self, now: datetime) -> list[tuple[Any, ...]]:
        """Return what it finds at that time."""
        sql, parameters = self.statement
        with run(sql, _filled_in(parameters, now)) as cursor:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    @cached_property
    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL and its parameters, with _THEN in place of the time."""
        sql, parameters = self._rows_at(_THEN).query.sql_with_params()
        return sql, tuple(parameters)


def which_find(queries: Mapping[Kind, AtTime], now: datetime) -> list[Kind]:
    """Return the keys of the queries that find anything, asked in one statement."""
    parts = [query.statement for query in queries.values()]
    sql = "SELECT " + ", ".join(f"EXISTS ({part})" for part, _ in parts)
    with run(sql, _filled_in([value for _, values in parts for value in values], now)) as cursor:
        found = cursor.fetchone()
    return [kind for kind, exists in zip(queries, found, strict=True) if exists]


def _filled_in(parameters: Any, now: datetime) -> list[Any]:
    then, at = (connection.ops.adapt_datetimefield_value(moment) for moment in (_THEN, now))
    return [at if value in (then, _THEN) else value for value in parameters]
