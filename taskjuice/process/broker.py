"""The bell: django-q2's queue in our database, heard at once instead of polled for.

A ring is a row that says no more than "look". Taking it deletes it, and rings for the same task that are taken
together are one: a worker that looks finds everything that is due. So a ring may be lost with the process that took
it; the watchdog rings again for what is due (taskjuice.process.watchdog).
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

from taskjuice.process.listener import CHANNEL, Ears, Rows, ears

log = structlog.get_logger(__name__)

# How long nothing may be heard before the table is looked at anyway; also how soon a stop is noticed.
_LONGEST_SILENCE = 0.5
_DEAF_PAUSE = 0.5
_MOST_AT_ONCE = 1000
# A backlog is worked off by all workers; one is enough for anything else.
_SHARED = "workflows.worker.drain"
_LOOK = "SELECT 1 FROM django_q_ormq WHERE key = %s LIMIT 1"
_TAKE = (
    "DELETE FROM django_q_ormq WHERE id IN (SELECT id FROM django_q_ormq WHERE key = %s ORDER BY id LIMIT %s{})"
    " RETURNING id, payload"
)
# Where several machines listen, each takes what no other is just taking.
_TAKE_BY = {"sqlite": _TAKE.format(""), "postgresql": _TAKE.format(" FOR UPDATE SKIP LOCKED")}

Ring = tuple[int, str]


class Bell(ORM):  # type: ignore[misc]
    """django-q2's broker (Q_CLUSTER["broker_class"])."""

    _ears: Ears | None = None

    def enqueue(self, task: str) -> int:
        """Ring. Inside a transaction it is heard when, and only if, that commits."""
        key: int = super().enqueue(task)
        connection = connections[Conf.ORM]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        return key

    def dequeue(self) -> list[Ring] | None:
        """The rings that are there, else the first that come within a moment; None when none come.

        A database that is away is waited for: raising would end the process that listens.
        """
        try:
            if self._ears is None:
                self._ears = ears(Conf.ORM)
            taken = self._take(self._ears)
            if not taken:
                self._ears.wait(_LONGEST_SILENCE)
                taken = self._take(self._ears)
            return list(_merged(taken)) or None
        except Error as error:
            log.warning("bell_deaf", error=type(error).__name__)
            self._cover_ears()
            time.sleep(_DEAF_PAUSE)
            return None

    def _take(self, ears: Ears) -> Rows:
        """Rings, no longer in the table. On SQLite it is left alone while empty: deleting nothing locks it too."""
        if not ears.run(_LOOK, (self.list_key,)):
            return []
        return ears.run(_TAKE_BY[connections[Conf.ORM].vendor], (self.list_key, _MOST_AT_ONCE))

    def _cover_ears(self) -> None:
        if self._ears is not None:
            with contextlib.suppress(Error):
                self._ears.close()
            self._ears = None

    def delete(self, task_id: int) -> None:
        """Nothing: it is gone since it was taken."""


def _merged(rings: Rows) -> Iterator[Ring]:
    """One ring of each task, the oldest; of the shared one as many as there are workers to hear them."""
    handed_out: dict[str, int] = {}
    for key, payload in sorted(rings):
        task = _task(payload)
        if handed_out.get(task, 0) < (Conf.WORKERS if task == _SHARED else 1):
            handed_out[task] = handed_out.get(task, 0) + 1
            yield key, payload


def _task(payload: str) -> str:
    """The name of what it asks for; the payload itself where that cannot be read, for django-q2 to complain about.

    Only tasks without arguments may be merged.
    """
    try:
        task: dict[str, Any] = SignedPackage.loads(payload)
    except (TypeError, BadSignature):
        return payload
    return payload if task["args"] or task["kwargs"] else str(task["func"])
