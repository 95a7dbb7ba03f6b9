"""The watchdog: wake workers for due work without a wake-up, and restart workers that are stuck."""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import Error, close_old_connections
from django_q.brokers import get_broker

from core import wakeup as core_wakeup
from core.db import clock
from taskjuice.process.supervisor import Child
from workflows import worker
from workflows.outgoing import sender
from workflows.queue import heartbeat, wakeup

log = structlog.get_logger(__name__)

_SWEEP_EVERY = 0.5
_WAKE_AGAIN_AFTER = 2.0
_HOUSEKEEPING_EVERY = 15.0
STALE_AFTER = timedelta(seconds=45)


class Watchdog:
    """The watchdog of one worker cluster; `look` is called in a loop and never raises for a database that is away."""

    def __init__(self, cluster: Child) -> None:
        self.cluster = cluster
        self._next_sweep = 0.0
        self._last_away = float("-inf")
        self._next_wakeup = 0.0
        self._next_hook_wakeup = 0.0
        self._next_housekeeping = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_EVERY
        try:
            self._sweep(now)
            self._check_life(now)
        except Error as error:
            log.warning("watchdog_database", error=type(error).__name__)
            self._last_away = now
            close_old_connections()

    def _sweep(self, now: float) -> None:
        if now >= self._next_housekeeping:
            self._next_housekeeping = now + _HOUSEKEEPING_EVERY
            core_wakeup.send("workflows.worker.housekeeping")
        # Workers that are behind have enough wake-ups waiting; more would only delay housekeeping.
        behind = get_broker().queue_size() > 2 * settings.TASK_WORKERS
        if now >= self._next_wakeup and not behind and worker.anything_due():
            self._next_wakeup = now + _WAKE_AGAIN_AFTER
            wakeup.wake_workers()
        if now >= self._next_hook_wakeup and not behind and sender.anything_due():
            self._next_hook_wakeup = now + _WAKE_AGAIN_AFTER
            wakeup.wake_sender()

    def _check_life(self, now: float) -> None:
        """A cluster that was asked every 15 s and has not answered for 45 is stuck: end it, start another."""
        if self.cluster.process is None:
            return
        # While the database is away no worker can write its heartbeat.
        if now - max(self.cluster.started_at, self._last_away) < STALE_AFTER.total_seconds():
            return
        beat = heartbeat.last_beat(settings.NODE_NAME)
        if beat is None or clock.now() - beat > STALE_AFTER:
            log.error("workers_stuck", node=settings.NODE_NAME, last_beat=beat and beat.isoformat())
            self.cluster.kill()
