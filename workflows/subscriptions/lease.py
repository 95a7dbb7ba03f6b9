"""The lease of a worker on a subscription: writes succeed only while the worker holds it."""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Q

from connections.models import Connection
from core.db import clock
from core.errors import Problem
from workflows.catalog import Subscriber
from workflows.models import Subscription
from workflows.subscriptions import provider_access

T = TypeVar("T")
# Renewed before each request, of which one takes at most 22 seconds (pagerduty_app.client.http.transport).
LEASE = timedelta(seconds=60)
# After this no further request begins: a worker is killed after 150 seconds (Q_CLUSTER).
_LONGEST_SECONDS = 60.0
_ENDED = frozenset({"removed", "failed", "left"})


class LeaseLost(Exception):
    """Another worker holds the lease, or the row has ended; this worker must stop."""


class Care:
    """A claimed subscription; `row` is the row as claimed, with its trigger and connection."""

    def __init__(self, row: Subscription, holder: uuid.UUID) -> None:
        self.row = row
        self._holder = holder
        self._status = row.status
        self._until = time.monotonic() + _LONGEST_SECONDS

    @property
    def connection(self) -> Connection:
        return self.row.trigger.connection

    def ask(self, act: Callable[[Subscriber, Any], T]) -> T:
        """Return provider_access.ask, with the lease renewed before each request. Raise LeaseLost as well."""
        return provider_access.ask(self.connection, act, self.keep)

    def keep(self) -> None:
        """Renew the lease. Raise LeaseLost, or Problem when the provider was too slow for this turn."""
        if time.monotonic() > self._until:
            words = "The provider timed out. Retrying later."
            raise Problem("provider_timeout", words, status=502, retryable=True)
        self.write(lease_until=clock.now() + LEASE)

    def write(self, **fields: Any) -> None:
        """Update the row while this worker holds the lease. Raise LeaseLost otherwise."""
        if fields.get("status") in _ENDED:
            fields.setdefault("ended_at", clock.now())
            fields.setdefault("next_attempt_at", None)
        ours = Subscription.objects.filter(pk=self.row.pk, lease_holder=self._holder, status=self._status)
        if not ours.update(**fields):
            raise LeaseLost(str(self.row.pk))
        self._status = fields.get("status", self._status)
        for name, value in fields.items():
            setattr(self.row, name, value)

    def done(self, *, again_in: float | None, **fields: Any) -> None:
        """Release the lease after a success. again_in: seconds until the next turn, None for never."""
        again = None if again_in is None else clock.now() + timedelta(seconds=again_in)
        self.give_back(attempts=0, error=None, next_attempt_at=again, **fields)

    def give_back(self, **fields: Any) -> None:
        self.write(lease_holder=None, lease_until=None, **fields)


def claim(row: Subscription) -> Care | None:
    """Lease the row for one turn and count the attempt. Return None if another worker has it or it has changed."""
    holder, now = uuid.uuid4(), clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimed = Subscription.objects.filter(free, pk=row.pk, status=row.status, attempts=row.attempts).update(
        attempts=row.attempts + 1, lease_holder=holder, lease_until=now + LEASE
    )
    if not claimed:
        return None
    related = Subscription.objects.select_related(
        "secret",
        "trigger__workspace",
        "trigger__connection__grant",
        "trigger__connection__workspace__account",
    )
    return Care(related.get(pk=row.pk), holder)
