"""A call as its action sees it: what it may know of itself and of its twins."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet

from core.db import clock
from workflows.catalog import Twins
from workflows.models import ActionCall

# Notes and the like of calls that ended this long before ours began are certainly not ours.
_TWINS_SINCE = timedelta(minutes=10)
_MOST_TWINS = 500
_PROGRESS_EVERY = 2.0


@dataclass(frozen=True)
class Caller:
    """The call as its action sees it (workflows.catalog.Caller)."""

    call: ActionCall
    cache_key: str
    sent_before: bool
    until: float

    @property
    def key(self) -> str:
        return str(self.call.identity or self.call.pk)

    @property
    def first_sent_at(self) -> datetime | None:
        return self.call.first_sent_at

    def _equal(self) -> QuerySet[ActionCall]:
        """The calls that asked for exactly this, itself included."""
        return ActionCall.objects.filter(
            connection=self.call.connection_id, fingerprint=self.call.fingerprint
        )

    def unsettled_until(self, now: datetime) -> datetime | None:
        """When the last request of this call or a twin can have no effect any more; None when it has settled."""
        unsettled = self._equal().filter(settles_at__gt=now)
        until: datetime | None = unsettled.aggregate(last=Max("settles_at"))["last"]
        return until

    def progress(self, **facts: Any) -> None:
        """Written every two seconds at most."""
        now = time.monotonic()
        if now - self.call.progress_written < _PROGRESS_EVERY:
            return
        self.call.progress_written = now
        ActionCall.objects.filter(pk=self.call.pk, status=ActionCall.Status.RUNNING).update(progress=facts)

    def twins(self) -> Twins:
        since = (self.first_sent_at or self.call.created_at) - _TWINS_SINCE
        twins = self._equal().exclude(pk=self.call.pk)
        at_work = twins.filter(status=ActionCall.Status.RUNNING, unsure=True, lease_until__gte=clock.now())
        done = twins.filter(status=ActionCall.Status.COMPLETED, finished_at__gte=since)
        return Twins(
            at_work=at_work.exists(),
            outputs=[
                twin.output or {} for twin in done.order_by("-finished_at").only("output")[:_MOST_TWINS]
            ],
        )
