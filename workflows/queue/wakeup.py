"""The doorbell: tells the background workers that something is due. Losing a ring delays work, no more."""

import time
from datetime import datetime
from functools import cache

from django.conf import settings
from django_q.brokers import Broker
from django_q.tasks import async_task

from core.db import clock
from workflows.models import Heartbeat

_DRAIN, _SEND_HOOKS = "workflows.worker.drain", "workflows.worker.send_hooks"
_BEAT_EVERY = 5.0
_last_beat: dict[str, float] = {}


def ring() -> None:
    """Wake a worker. Inside a transaction the ring is heard only if that commits."""
    async_task(_DRAIN, save=False)


def ring_hooks() -> None:
    """Wake a worker for what is owed to hooks; as `ring` otherwise."""
    async_task(_SEND_HOOKS, save=False)


class _Paper(Broker):  # type: ignore[misc]
    """Takes down what django-q2 would put into its queue."""

    task = ""

    def enqueue(self, task: str) -> int:
        self.task = task
        return 0


@cache
def _written(task: str) -> tuple[str, str]:
    paper = _Paper()
    async_task(task, save=False, broker=paper)
    return str(paper.list_key), paper.task


def ring_written() -> tuple[str, str]:
    """Key and payload of a ring as django-q2's table holds them, for SQL that rings; the same each time."""
    return _written(_DRAIN)


def hook_ring_written() -> tuple[str, str]:
    """As `ring_written`, of a ring for what is owed to hooks."""
    return _written(_SEND_HOOKS)


def beat(name: str) -> None:
    """Write down that the worker `name` is alive."""
    now = clock.now()
    if not Heartbeat.objects.filter(name=name).update(beat_at=now):
        Heartbeat.objects.bulk_create([Heartbeat(name=name, beat_at=now)], ignore_conflicts=True)


def still_alive() -> None:
    """The beat of a worker in the middle of its work, written every few seconds at most."""
    if time.monotonic() - _last_beat.get("at", -_BEAT_EVERY) >= _BEAT_EVERY:
        _last_beat["at"] = time.monotonic()
        beat(settings.NODE_NAME)


def last_beat(name: str | None = None) -> datetime | None:
    """When that worker, or any, last gave a sign of life."""
    beats = Heartbeat.objects.filter(name=name) if name else Heartbeat.objects.all()
    return beats.order_by("-beat_at").values_list("beat_at", flat=True).first()
