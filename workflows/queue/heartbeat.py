"""Signs of life of the workers, by which the watchdog and /readyz judge them."""

import time
from datetime import datetime

from django.conf import settings

from core.db import clock
from workflows.models import Heartbeat

_BEAT_EVERY = 5.0
_last_beat: dict[str, float] = {}


def beat(name: str) -> None:
    """Store that the worker `name` is alive now."""
    now = clock.now()
    if not Heartbeat.objects.filter(name=name).update(beat_at=now):
        Heartbeat.objects.bulk_create([Heartbeat(name=name, beat_at=now)], ignore_conflicts=True)


def still_alive() -> None:
    """Store a beat of this machine's worker in the middle of its work, every _BEAT_EVERY seconds at most."""
    if time.monotonic() - _last_beat.get("at", -_BEAT_EVERY) >= _BEAT_EVERY:
        _last_beat["at"] = time.monotonic()
        beat(settings.NODE_NAME)


def last_beat(name: str | None = None) -> datetime | None:
    """Return when that worker, or any, last gave a sign of life."""
    beats = Heartbeat.objects.filter(name=name) if name else Heartbeat.objects.all()
    return beats.order_by("-beat_at").values_list("beat_at", flat=True).first()
