"""The context of a call: whom the call serves (`Owner`), and what its action may know about the call (`Caller`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet

from core.db import clock
from core.db.hot.batch import Batch
from core.db.leases import held
from workflows.catalog import EqualCalls
from workflows.models import ActionCall, Run

# Results of calls that ended this long before ours began are certainly not ours.
_EQUAL_SINCE = timedelta(minutes=10)
_MOST_EQUAL = 500
_PROGRESS_EVERY = 2.0


class Owner:
    """Callbacks by which an attempt reports to the owner of its call. This one is of a call outside any run.

    run: the run whose step the call is, if it is one. before_request: called before each request, to renew leases.
    """

    run: Run | None = None

    def __init__(self, before_request: Callable[[], None] = lambda: None) -> None:
        self.before_request = before_request

    def hold(self, batch: Batch) -> None:
        """Lock what the call serves until the batch is written, which raises LeaseLost if another worker has it."""

    def save(self, batch: Batch, call: ActionCall, fields: dict[str, Any]) -> None:
        """Insert the call with these values, and the rows that belong to it."""
        batch.insert(call, fields)

    def completed(self, batch: Batch, call: ActionCall) -> None:
        """Write what follows from the result, which is added behind it.

        The batch raises LeaseLost, before it writes anything, if another worker has what the call serves.
        """


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

    @property
    def baseline(self) -> dict[str, Any] | None:
        return self.call.baseline

    def _equal(self) -> QuerySet[ActionCall]:
        """Return the calls with the same action and input through the same connection, including this one."""
        return ActionCall.objects.filter(
            connection=self.call.connection_id, fingerprint=self.call.fingerprint
        )

    def unsettled_until(self, now: datetime) -> datetime | None:
        """Return when the last request of this call or an equal one settles: has no effect any more. None: it has."""
        unsettled = self._equal().filter(settles_at__gt=now)
        until: datetime | None = unsettled.aggregate(last=Max("settles_at"))["last"]
        return until

    def progress(self, **facts: Any) -> None:
        """Store the progress of a listing, at most every two seconds."""
        now = time.monotonic()
        if now - self.call.progress_written < _PROGRESS_EVERY:
            return
        self.call.progress_written = now
        ActionCall.objects.filter(pk=self.call.pk, status=ActionCall.Status.RUNNING).update(progress=facts)

    def equal_calls(self) -> EqualCalls:
        """Return the other calls that asked for the same: those running, and the results of those completed."""
        since = (self.first_sent_at or self.call.created_at) - _EQUAL_SINCE
        others = self._equal().exclude(pk=self.call.pk)
        running = others.filter(held(clock.now()), status=ActionCall.Status.RUNNING, unsure=True)
        done = others.filter(status=ActionCall.Status.COMPLETED, finished_at__gte=since)
        return EqualCalls(
            running=running.exists(),
            outputs=[
                other.output or {} for other in done.order_by("-finished_at").only("output")[:_MOST_EQUAL]
            ],
        )
