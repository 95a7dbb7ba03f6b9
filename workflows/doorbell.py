"""The doorbell: tells the background workers that something is due. Losing a ring delays work, no more."""

from datetime import datetime

from django.utils import timezone
from django_q.tasks import async_task

from workflows.models import Heartbeat


def ring() -> None:
    """Wake a worker. Inside a transaction the ring is heard only if that commits."""
    async_task("workflows.worker.drain", save=False)


def beat(name: str) -> None:
    """Write down that the worker `name` is alive."""
    now = timezone.now()
    if not Heartbeat.objects.filter(name=name).update(beat_at=now):
        Heartbeat.objects.bulk_create([Heartbeat(name=name, beat_at=now)], ignore_conflicts=True)


def last_beat(name: str | None = None) -> datetime | None:
    """When that worker, or any, last gave a sign of life."""
    beats = Heartbeat.objects.filter(name=name) if name else Heartbeat.objects.all()
    return beats.order_by("-beat_at").values_list("beat_at", flat=True).first()
