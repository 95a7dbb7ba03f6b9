"""Statements that are always the same: PostgreSQL keeps them prepared, and does several as one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

from core.db.hot import row_sql


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
    done, and what was written before it may stay: so begin with what has to be so, by `rows.hold` or the one
    change that depends on nothing else. Django's own statements are not part of it.
    """
    refuse_in_one()
    parts = list[_Part]()
    token = _parts.set(parts)
    try:
        if vendor() == "postgresql":
            yield
        else:
            with transaction.atomic():
                yield
    finally:
        _parts.reset(token)
    if parts:
        _run_in_one(parts)


def _run_in_one(parts: list[_Part]) -> None:
    sql = row_sql.in_one(tuple((part.sql, part.lost is not None) for part in parts))
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
    if parts is None or vendor() != "postgresql":
        with run(row_sql.alone(sql), parameters) as cursor:
            rows = cursor.fetchall()
        _heed(part, rows[0][0] if rows else None)
    else:
        parts.append(part)


def refuse_in_one() -> None:
    """Raises RuntimeError within `in_one`: there nothing is known yet of what is written."""
    if _parts.get() is not None:
        raise RuntimeError("ask before or after, not in one with other statements")


def refuse_in_transaction() -> None:
    """Raises RuntimeError within a transaction. The one of a test is none, as for Django's `atomic(durable=True)`."""
    blocks: list[Any] = connections[DEFAULT_DB_ALIAS].atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise RuntimeError("not in a transaction with anything else")


def run(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> CursorWrapper:
    """The cursor that has run it, to be closed. sql: one of a few that are always the same."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    cursor: CursorWrapper = (
        database.prepared_cursor() if database.vendor == "postgresql" else database.cursor()
    )
    cursor.execute(sql, parameters)
    return cursor


@cache
def vendor() -> str:
    return connections[DEFAULT_DB_ALIAS].vendor
