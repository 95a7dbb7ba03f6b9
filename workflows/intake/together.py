"""SQLite: one thread of each process writes all deliveries that wait, in one transaction.

A commit there waits for the disk, and only one is made at a time; so it carries as many deliveries as have come
meanwhile. Whoever hands one in returns after the commit it is part of, or with the error that concerns it alone.
"""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from django.db import OperationalError, connection

from workflows import doorbell
from workflows.intake import rows
from workflows.models import Event

_MOST_AT_ONCE = 100
# SQLite itself would wait for the lock with ever longer pauses, and lose it each time to somebody who asks just then.
_ASKS_EVERY = 0.001
_LOCK_WITHIN = 15.0
_ANSWER_WITHIN = 20.0
_IDLE_AFTER = 10.0
_RING = (
    "INSERT INTO django_q_ormq (key, payload, lock) SELECT ?1, ?2, ?3"
    " WHERE NOT EXISTS (SELECT 1 FROM django_q_ormq WHERE key = ?1 AND payload = ?2)"
)


@dataclass
class _Delivery:
    parameters: rows.Parameters
    stored: bool = False
    error: Exception | None = None
    done: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done.acquire()


class Together:
    """The writer of this process; its thread is there while deliveries come."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Delivery] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def store(self, parameters: rows.Parameters) -> bool:
        """Whether it was stored, committed. Raises django.db.Error."""
        delivery = _Delivery(parameters)
        with self._lock:
            self._waiting.put(delivery)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write, name="deliveries", daemon=True)
                self._thread.start()
        if not delivery.done.acquire(timeout=_ANSWER_WITHIN):
            raise OperationalError("not written in time")
        if delivery.error is not None:
            raise delivery.error
        return delivery.stored

    def _write(self) -> None:
        while batch := self._next():
            _write_batch(batch)
            for delivery in batch:
                delivery.done.release()
        connection.close()

    def _next(self) -> list[_Delivery]:
        """What waits; [] when nothing came for a while: whoever comes next begins a new thread."""
        batch: list[_Delivery] = []
        try:
            batch.append(self._waiting.get(timeout=_IDLE_AFTER))
            while len(batch) < _MOST_AT_ONCE:
                batch.append(self._waiting.get_nowait())
        except Empty:
            pass
        if not batch:
            with self._lock:
                if not self._waiting.empty():
                    return [self._waiting.get()]
                self._thread = None
        return batch


def _write_batch(batch: list[_Delivery]) -> None:
    """All in one transaction, or each in its own where one of them fails."""
    try:
        stored = _in_one_transaction([delivery.parameters for delivery in batch])
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
        connection.close()
        if len(batch) == 1:
            batch[0].error = error
            return
        for delivery in batch:
            _write_batch([delivery])
    else:
        for delivery, is_stored in zip(batch, stored, strict=True):
            delivery.stored = is_stored


def _in_one_transaction(batch: list[rows.Parameters]) -> list[bool]:
    """Whether each was stored. Raises django.db.Error; then none was."""
    connection.close_if_unusable_or_obsolete()
    with connection.wrap_database_errors:
        line = _line()
        _begin_writing(line)
        try:
            stored = write(line, batch)
            line.execute("COMMIT")
        except BaseException:
            if line.in_transaction:
                line.execute("ROLLBACK")
            raise
    return stored


def _line() -> sqlite3.Connection:
    """This thread's own connection, as Django opens it, but for the waiting."""
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


def write(line: sqlite3.Connection, batch: Iterable[rows.Parameters]) -> list[bool]:
    """Inside a transaction: store each if it is new, owe it to hooks, ring. Answers which were stored."""
    sql = rows.statement("sqlite")
    found = [line.execute(sql, parameters).fetchone() for parameters in batch]
    fire = [row for row in found if row is not None and row[-1] == Event.Status.QUEUED]
    if fire:
        _ring(line, doorbell.ring_written())
    if sum(_owe(line, row) for row in fire):
        _ring(line, doorbell.hook_ring_written())
    return [row is not None for row in found]


def _ring(line: sqlite3.Connection, ring: tuple[str, str]) -> None:
    """One that nobody has taken yet is taken after this commit, and found to mean this as well."""
    line.execute(_RING, (*ring, rows.now()))


def _owe(line: sqlite3.Connection, stored: tuple[int, str, str, str, str, str]) -> int:
    seq, workspace, trigger, lane, received_at, _ = stored
    takers = line.execute(rows.HOOKS_THAT_TAKE, (workspace, trigger)).fetchall()
    for (hook,) in takers:
        line.execute(rows.OWE, (uuid.uuid4().hex, workspace, hook, seq, lane, received_at, received_at))
    return len(takers)


TOGETHER = Together()
