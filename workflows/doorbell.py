"""The doorbell: tells the background workers that something is due. Losing a ring delays work, no more."""

import time
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from workflows.models import Heartbeat

_BEAT_EVERY = 5.0
_last_beat: dict[str, float] = {}


def ring() -> None:
    """Wake a worker. Inside a transaction the ring is heard only if that commits."""
    async_task("workflows.worker.drain", save=False)


def ring_hooks() -> None:
    """Wake a worker for what is owed to hooks; as `ring` otherwise."""
    async_task("workflows.worker.send_hooks", save=False)


def beat(name: str) -> None:
    """Write down that the worker `name` is alive."""
    now = timezone.now()
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
