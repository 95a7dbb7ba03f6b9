"""A connection of its own by which a process learns within milliseconds that something was committed.

PostgreSQL sends NOTIFY. SQLite has no notifications, but `PRAGMA data_version` changes when another connection has
committed to the file, and costs a few microseconds to read.
"""

import time
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

CHANNEL = "taskjuice_wakeup"
_SQLITE_POLL_SECONDS = 0.004

Rows = list[tuple[Any, ...]]


class Listener:
    """A listener on a copy of Django's connection `alias`. Every method may raise django.db.Error."""

    def __init__(self, alias: str) -> None:
        self._connection: BaseDatabaseWrapper = connections[alias].copy()
        self._connection.inc_thread_sharing()
        self._connection.ensure_connection()
        # Only taken wake-ups are deleted here. A power cut may bring one back, which wakes a worker once more.
        self.run(self._no_fsync)

    def run(self, sql: str, parameters: tuple[Any, ...] = ()) -> Rows:
        """The rows that one statement answers; committed at once."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def wait(self, seconds: float) -> None:
        """Return when something may have been committed since the last call, at the latest after `seconds`."""
        raise NotImplementedError

    def close(self) -> None:
        self._connection.close()

    _no_fsync = ""


class PostgresListener(Listener):
    """LISTEN on PostgreSQL. A notification that arrives during a statement is kept by psycopg for the next `wait`."""

    _no_fsync = "SET synchronous_commit = off"

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.run(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> None:
        with self._connection.wrap_database_errors:
            for _ in self._connection.connection.notifies(timeout=seconds, stop_after=1):
                pass


class SqliteListener(Listener):
    """Polling of the file's `data_version`; a commit on this connection itself does not change it."""

    _no_fsync = "PRAGMA synchronous = NORMAL"

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._version = -1  # unlike any: the first look always finds a change

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._connection.wrap_database_errors:
            while not self._changed() and time.monotonic() < end:
                time.sleep(_SQLITE_POLL_SECONDS)

    def _changed(self) -> bool:
        before, (self._version,) = (
            self._version,
            self._connection.connection.execute("PRAGMA data_version").fetchone(),
        )
        return self._version != before


def open_listener(alias: str) -> Listener:
    """Return a new listener on that database."""
    return SqliteListener(alias) if connections[alias].vendor == "sqlite" else PostgresListener(alias)
