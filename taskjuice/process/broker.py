"""The broker of django-q2: wake-ups are received as they are committed, and merged, instead of polled for.

A wake-up is a row that names a task without arguments. Taking wake-ups deletes them, and those of one task that are
taken together are merged: the task finds everything that is due. So a wake-up may be lost with the process that took
it; the watchdog sends another for what is due (taskjuice.process.watchdog).
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import structlog
from django.db import Error, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import BadSignature, SignedPackage

from taskjuice.process.listener import CHANNEL, Listener, Rows, open_listener

log = structlog.get_logger(__name__)

# Seconds without a notification after which the table is read anyway; also how soon a stop is noticed.
_LONGEST_SILENCE = 0.5
_RECONNECT_PAUSE = 0.5
_MOST_AT_ONCE = 1000
# All workers share a backlog; one worker is enough for any other task.
_SHARED = "workflows.worker.drain"
_LOOK = "SELECT 1 FROM django_q_ormq WHERE key = %s LIMIT 1"
_TAKE = (
    "DELETE FROM django_q_ormq WHERE id IN (SELECT id FROM django_q_ormq WHERE key = %s ORDER BY id LIMIT %s{})"
    " RETURNING id, payload"
)
# On PostgreSQL several machines may take at once, each what no other is taking.
_TAKE_BY = {"sqlite": _TAKE.format(""), "postgresql": _TAKE.format(" FOR UPDATE SKIP LOCKED")}

Wakeup = tuple[int, str]


class WakeupBroker(ORM):  # type: ignore[misc]
    """django-q2's broker (Q_CLUSTER["broker_class"])."""

    _listener: Listener | None = None

    def enqueue(self, task: str) -> int:
        """Queue a wake-up and return its key. Inside a transaction it is sent when, and only if, that commits."""
        key: int = super().enqueue(task)
        connection = connections[Conf.ORM]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        return key

    def dequeue(self) -> list[Wakeup] | None:
        """Return the queued wake-ups, else the first that come within _LONGEST_SILENCE; None if none come.

        While the database is away, None is returned after a pause: raising would end the process that listens.
        """
        try:
            if self._listener is None:
                self._listener = open_listener(Conf.ORM)
            taken = self._take(self._listener)
            if not taken:
                self._listener.wait(_LONGEST_SILENCE)
                taken = self._take(self._listener)
            return list(_merged(taken)) or None
        except Error as error:
            log.warning("listener_lost", error=type(error).__name__)
            self._close_listener()
            time.sleep(_RECONNECT_PAUSE)
            return None

    def _take(self, listener: Listener) -> Rows:
        """Delete and return wake-ups. On SQLite an empty table is only read: deleting nothing locks it too."""
        if not listener.run(_LOOK, (self.list_key,)):
            return []
        return listener.run(_TAKE_BY[connections[Conf.ORM].vendor], (self.list_key, _MOST_AT_ONCE))

    def _close_listener(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(Error):
                self._listener.close()
            self._listener = None

    def delete(self, task_id: int) -> None:
        """Do nothing: `dequeue` has deleted it."""


def _merged(wakeups: Rows) -> Iterator[Wakeup]:
    """The oldest wake-up of each task; of the shared task as many as there are workers."""
    handed_out: dict[str, int] = {}
    for key, payload in sorted(wakeups):
        task = _task(payload)
        if handed_out.get(task, 0) < (Conf.WORKERS if task == _SHARED else 1):
            handed_out[task] = handed_out.get(task, 0) + 1
            yield key, payload


def _task(payload: str) -> str:
    """The name of the task; the payload itself if it cannot be read, for django-q2 to report.

    Only tasks without arguments may be merged.
    """
    try:
        task: dict[str, Any] = SignedPackage.loads(payload)
    except (TypeError, BadSignature):
        return payload
    return payload if task["args"] or task["kwargs"] else str(task["func"])
