"""SQLite: one transaction stores deliveries one by one, with their outbox rows and wake-ups."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import OperationalError, connection

from core.wakeup import as_row
from workflows.inbox.fast import insert_sql
from workflows.models import Event
from workflows.queue import wakeup

# SQLite's own busy handler waits in ever longer pauses and loses the lock to a process that asks in between.
_ASKS_EVERY = 0.0005
_LOCK_WITHIN = 15.0


@contextmanager
def transaction() -> Iterator[Callable[[list[insert_sql.Parameters]], list[bool]]]:
    """Take the write lock and yield a function that stores a batch and returns which were stored. Commit at the end.

    Raise django.db.Error if none was stored.
    """
    connection.close_if_unusable_or_obsolete()
    with connection.wrap_database_errors:
        line = _line()
        _begin_writing(line)
        try:
            yield partial(write, line)
            line.execute("COMMIT")
        except BaseException:
            if line.in_transaction:
                line.execute("ROLLBACK")
            raise


def is_of_one(error: Exception) -> bool:
    """Return whether the error may concern one delivery only, so that the others may succeed without it."""
    return not isinstance(error, OperationalError)


def _line() -> sqlite3.Connection:
    """Return this thread's connection, opened as by Django but without a busy timeout."""
    new = connection.connection is None
    connection.ensure_connection()
    line: sqlite3.Connection = connection.connection
    if new:
        line.execute("PRAGMA busy_timeout = 0")
    return line


def _begin_writing(line: sqlite3.Connection) -> None:
    end = time.monotonic() + _LOCK_WITHIN
    while True:
        try:
            line.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_ASKS_EVERY)
        else:
            return


def write(line: sqlite3.Connection, batch: Iterable[insert_sql.Parameters]) -> list[bool]:
    """In the open transaction store each new delivery, its outbox rows and wake-ups. Return which were stored."""
    found = [line.execute(insert_sql.STORE_ONE, parameters).fetchone() for parameters in batch]
    fire = [row for row in found if row is not None and row[-1] == Event.Status.QUEUED]
    if fire:
        _wake(line, wakeup.DRAIN)
    if sum(_owe(line, row) for row in fire):
        _wake(line, wakeup.SEND_HOOKS)
    return [row is not None for row in found]


def _wake(line: sqlite3.Connection, task: str) -> None:
    line.execute(wakeup.INSERT_UNLESS_WAITING, (*as_row(task), insert_sql.now()))


def _owe(line: sqlite3.Connection, stored: tuple[int, str, str, str, str, str, str]) -> int:
    seq, _, workspace, trigger, lane, received_at, _ = stored
    return line.execute(insert_sql.OWE, (seq, lane, received_at, workspace, trigger)).rowcount
