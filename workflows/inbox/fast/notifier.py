"""PostgreSQL: one thread of each process rings for the deliveries that were stored since it last rang.

Transactions that notify wait for each other when they commit, and a ring costs as much as the delivery itself. So it
is not part of the delivery's transaction, but follows it at once; one that dies with its process is made up for by the
watchdog, which finds what is due.
"""

import threading
import time
from collections.abc import Callable

import structlog
from django.db import Error, connection, transaction

from workflows.queue import wakeup

log = structlog.get_logger(__name__)

# The first of a burst is rung for at once; those that come within this wait for each other.
_PAUSE = 0.02
_IDLE_AFTER = 10.0


class Ringing:
    """The ringer of this process; its thread is there while deliveries come."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """Ring, after what the caller has committed."""
        with self._lock:
            self._wanted.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="ringing", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._is_idle():
            self._wanted.clear()
            try:
                self._ring_at_once()
            except Error as error:
                log.warning("not_rung", error=type(error).__name__)
                connection.close()
            time.sleep(_PAUSE)
        connection.close()

    def _ring_at_once(self) -> None:
        """In one transaction that waits for no disk: a ring that a power cut takes is made up for."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            self._ring()

    def _is_idle(self) -> bool:
        """Whether nothing was wanted for a while; whoever comes next begins a new thread."""
        if self._wanted.wait(_IDLE_AFTER):
            return False
        with self._lock:
            if not self._wanted.is_set():
                self._thread = None
            return self._thread is None


FOR_EVENTS = Ringing(wakeup.ring)
FOR_HOOKS = Ringing(wakeup.ring_hooks)
