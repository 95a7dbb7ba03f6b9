"""The sandbox's store: one SQLite file that survives a kill, used under one lock."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS docs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS docs_of_account ON docs (kind, account, seq);
CREATE TABLE IF NOT EXISTS incidents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    service TEXT NOT NULL, status TEXT NOT NULL, urgency TEXT NOT NULL, incident_key TEXT NOT NULL,
    created_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS incidents_by_time ON incidents (account, created_at, seq);
CREATE INDEX IF NOT EXISTS incidents_by_key ON incidents (account, incident_key);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, lane TEXT NOT NULL,
    event_type TEXT NOT NULL, webhook_id TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_status INTEGER, created REAL NOT NULL, due REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (state, seq);
"""


class Store:
    """Documents by kind and id, and the two tables that need more. path: a file, or `:memory:`."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction, one at a time; nesting is allowed."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
            except BaseException:
                if self._depth == 1:
                    self._db.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Execute one statement; return the id of an inserted row."""
        with self._lock:
            return self._db.execute(sql, parameters).lastrowid or 0

    def put(self, kind: str, some_id: str, body: Json, account: str = "") -> None:
        self.run(
            "INSERT INTO docs (kind, id, account, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, some_id, account, json.dumps(body)),
        )

    def get(self, kind: str, some_id: str) -> Json | None:
        found = self.rows("SELECT body FROM docs WHERE kind = ? AND id = ?", (kind, some_id))
        return json.loads(found[0][0]) if found else None

    def account_of(self, kind: str, some_id: str) -> str:
        """Return the account that a document belongs to."""
        (found,) = self.rows("SELECT account FROM docs WHERE kind = ? AND id = ?", (kind, some_id))
        return str(found[0])

    def all(self, kind: str, account: str | None = None) -> list[Json]:
        where, parameters = ("", [kind]) if account is None else (" AND account = ?", [kind, account])
        sql = f"SELECT body FROM docs WHERE kind = ?{where} ORDER BY seq"  # noqa: S608 - no outside text
        return [json.loads(body) for (body,) in self.rows(sql, parameters)]

    def count(self, kind: str, account: str) -> int:
        sql = "SELECT COUNT(*) FROM docs WHERE kind = ? AND account = ?"
        return int(self.rows(sql, (kind, account))[0][0])

    def delete(self, kind: str, some_id: str) -> bool:
        with self._lock:
            return (
                self._db.execute("DELETE FROM docs WHERE kind = ? AND id = ?", (kind, some_id)).rowcount > 0
            )

    def clear(self) -> None:
        with self.transaction():
            for table in ("docs", "incidents", "deliveries"):
                self.run(f"DELETE FROM {table}")  # noqa: S608 - three fixed names

    def close(self) -> None:
        with self._lock:
            self._db.close()
