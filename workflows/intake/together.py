"""SQLite: one thread of each process writes all deliveries that wait, in one transaction.

A commit there waits for the disk, and only one is made at a time; so it carries as many deliveries as have come
meanwhile. Whoever hands one in returns after the commit it is part of, or with the error that concerns it alone.
"""

import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from workflows import doorbell
from workflows.intake import rows
from workflows.models import Event

_MOST_AT_ONCE = 100
# SQLite waits for the lock with ever longer pauses, and whoever asks again at once comes first. So this asks often.
_ASKS_EVERY = 0.001
_LOCK_WITHIN = 15.0
_ANSWER_WITHIN = 20.0


@dataclass
class _Delivery:
    event: Event
    parameters: rows.Parameters
    stored: bool = False
    error: Exception | None = None
    done: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done.acquire()


class Together:
    """The writer of this process; its thread begins with the first delivery."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Delivery] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def store(self, event: Event, parameters: rows.Parameters) -> bool:
        """Whether it was stored, committed. Raises django.db.Error."""
        delivery = _Delivery(event, parameters)
        self._waiting.put(delivery)
        self._begin()
        if not delivery.done.acquire(timeout=_ANSWER_WITHIN):
            raise OperationalError("not written in time")
        if delivery.error is not None:
            raise delivery.error
        return delivery.stored

    def _begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write, name="deliveries", daemon=True)
                self._thread.start()

    def _write(self) -> None:
        while True:
            batch = [self._waiting.get()]
            try:
                while len(batch) < _MOST_AT_ONCE:
                    batch.append(self._waiting.get_nowait())
            except Empty:
                pass
            self._write_batch(batch)
            for delivery in batch:
                delivery.done.release()

    def _write_batch(self, batch: list[_Delivery]) -> None:
        """All, or each by itself where one of them fails."""
        try:
            _in_one_transaction(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
            connection.close()
            if len(batch) == 1:
                batch[0].error = error
                return
            for delivery in batch:
                self._write_batch([delivery])


def _in_one_transaction(batch: list[_Delivery]) -> None:
    end = time.monotonic() + _LOCK_WITHIN
    connection.close_if_unusable_or_obsolete()
    while True:
        try:
            with _line().wrap_database_errors, transaction.atomic():
                stored = [_store(connection.connection, delivery) for delivery in batch]
                if any(fires for _, fires in stored):
                    doorbell.ring()
            break
        except OperationalError as error:
            # Only the beginning can find the lock taken: nothing has been done yet.
            if not _is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(_ASKS_EVERY)
    for delivery, (is_stored, _) in zip(batch, stored, strict=True):
        delivery.stored = is_stored


def _line() -> BaseDatabaseWrapper:
    """This thread's own connection, as Django opens it, but for the waiting."""
    if connection.connection is None:
        connection.ensure_connection()
        connection.connection.execute("PRAGMA busy_timeout = 0")
    return connections[DEFAULT_DB_ALIAS]


def _is_busy(error: OperationalError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY


def _store(raw: sqlite3.Connection, delivery: _Delivery) -> tuple[bool, bool]:
    """Whether it was stored, and whether workers have to know."""
    found = raw.execute(rows.statement("sqlite"), delivery.parameters).fetchone()
    if found is None:
        return False, False
    event = delivery.event
    fires = event.status == Event.Status.QUEUED
    if fires:
        _owe(raw, event, found[0])
    return True, fires


def _owe(raw: sqlite3.Connection, event: Event, seq: int) -> None:
    workspace, now = rows.stored_uuid(event.workspace_id), rows.stored_time(event.received_at)
    takers: list[Any] = raw.execute(
        rows.HOOKS_THAT_TAKE, (workspace, rows.stored_uuid(event.trigger_id))
    ).fetchall()
    for (hook,) in takers:
        raw.execute(rows.OWE, (uuid.uuid4().hex, workspace, hook, seq, event.lane, now, now))
    if takers:
        doorbell.ring_hooks()


TOGETHER = Together()
