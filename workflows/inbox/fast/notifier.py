"""PostgreSQL: one thread per process sends the wake-up for all deliveries stored since its last wake-up.

Transactions with NOTIFY serialize at commit, and a wake-up costs as much as the delivery itself. So the wake-up is not
part of the delivery's transaction but follows it at once. If the process dies before, the watchdog finds the due work.
"""

import threading
import time
from collections.abc import Callable

import structlog
from django.db import Error, connection, transaction

from core.db.postgresql import patience
from workflows.queue import wakeup

log = structlog.get_logger(__name__)

# The first delivery of a burst wakes the workers at once; later ones within this pause share one wake-up.
_PAUSE = 0.02
_IDLE_AFTER = 10.0


class Notifier:
    """The wake-up thread of this process; it ends when no deliveries come."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def request(self) -> None:
        """Request a wake-up for the rows that the caller has committed."""
        with self._lock:
            self._wanted.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._is_idle():
            self._wanted.clear()
            try:
                with patience.of_one_request():
                    self._send_now()
            except Error as error:
                log.warning("wakeup_failed", error=type(error).__name__)
                connection.close()
            time.sleep(_PAUSE)
        connection.close()

    def _send_now(self) -> None:
        """Notify with `synchronous_commit=off`. Safe: the watchdog makes up for a wake-up lost in a crash."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            self._send()

    def _is_idle(self) -> bool:
        """Return whether no wake-up was requested for a while; the next request starts a new thread."""
        if self._wanted.wait(_IDLE_AFTER):
            return False
        with self._lock:
            if not self._wanted.is_set():
                self._thread = None
            return self._thread is None


FOR_EVENTS = Notifier(wakeup.wake_workers)
FOR_HOOKS = Notifier(wakeup.wake_sender)
