"""The watchdog: rings for work that no ring reached, and restarts background workers that gave up."""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import Error, close_old_connections
from django_q.brokers import get_broker
from django_q.tasks import async_task

from core.db import clock
from taskjuice.process.supervisor import Child
from workflows import worker
from workflows.outgoing import sender
from workflows.queue import wakeup

log = structlog.get_logger(__name__)

_SWEEP_EVERY = 0.5
_RING_AGAIN_AFTER = 2.0
_HOUSEKEEPING_EVERY = 15.0
STALE_AFTER = timedelta(seconds=45)


class Watchdog:
    """Looks after one worker cluster; `look` is called in a loop and never raises for a database that is away."""

    def __init__(self, cluster: Child) -> None:
        self.cluster = cluster
        self._next_sweep = 0.0
        self._last_away = float("-inf")
        self._next_ring = 0.0
        self._next_hook_ring = 0.0
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
            async_task("workflows.worker.housekeeping", save=False)
        # Workers that are behind have rings enough waiting; more would only keep housekeeping waiting.
        behind = get_broker().queue_size() > 2 * settings.TASK_WORKERS
        if now >= self._next_ring and not behind and worker.anything_due():
            self._next_ring = now + _RING_AGAIN_AFTER
            wakeup.ring()
        if now >= self._next_hook_ring and not behind and sender.anything_due():
            self._next_hook_ring = now + _RING_AGAIN_AFTER
            wakeup.ring_hooks()

    def _check_life(self, now: float) -> None:
        """A cluster that was asked every 15 s and has not answered for 45 is stuck: end it, start another."""
        if self.cluster.process is None:
            return
        # While the database is away no worker can write its heartbeat.
        if now - max(self.cluster.started_at, self._last_away) < STALE_AFTER.total_seconds():
            return
        beat = wakeup.last_beat(settings.NODE_NAME)
        if beat is None or clock.now() - beat > STALE_AFTER:
            log.error("workers_stuck", node=settings.NODE_NAME, last_beat=beat and beat.isoformat())
            self.cluster.kill()
