"""Ears: a connection of its own by which a process hears, within milliseconds, that something was committed.

PostgreSQL tells by NOTIFY. SQLite has nothing of the kind, but `PRAGMA data_version` changes when another
connection has committed to the file, and costs a few microseconds to ask.
"""

import time
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

CHANNEL = "taskjuice_bell"
_SQLITE_LOOKS_EVERY = 0.004

Rows = list[tuple[Any, ...]]


class Ears:
    """Listens on a copy of Django's connection `alias`. Every method may raise django.db.Error."""

    def __init__(self, alias: str) -> None:
        self._connection: BaseDatabaseWrapper = connections[alias].copy()
        self._connection.inc_thread_sharing()
        self._connection.ensure_connection()
        # What is written here are rings that were taken. A power cut may bring one back: then it rings again.
        self.run(self._carefree)

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

    _carefree = ""


class PostgresEars(Ears):
    """Hears NOTIFY. What comes while a statement runs is kept by psycopg for the next `wait`."""

    _carefree = "SET synchronous_commit = off"

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.run(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> None:
        with self._connection.wrap_database_errors:
            for _ in self._connection.connection.notifies(timeout=seconds, stop_after=1):
                pass


class SqliteEars(Ears):
    """Looks whether the file has changed; a commit on this connection itself is no change."""

    _carefree = "PRAGMA synchronous = NORMAL"

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._version = -1  # unlike any: the first look always finds a change

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._connection.wrap_database_errors:
            while not self._changed() and time.monotonic() < end:
                time.sleep(_SQLITE_LOOKS_EVERY)

    def _changed(self) -> bool:
        before, (self._version,) = (
            self._version,
            self._connection.connection.execute("PRAGMA data_version").fetchone(),
        )
        return self._version != before


def ears(alias: str) -> Ears:
    """New ears for that database."""
    return SqliteEars(alias) if connections[alias].vendor == "sqlite" else PostgresEars(alias)
