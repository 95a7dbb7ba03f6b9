"""The lease of a worker on a subscription: writes succeed only while the worker holds it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self, TypeVar

from django.db.models import Q

from connections.models import Connection
from core.db import clock
from workflows.catalog import Subscriber
from workflows.models import Subscription
from workflows.queue.turns import TurnLease
from workflows.subscriptions import provider_access

T = TypeVar("T")
_ENDED = frozenset({"removed", "failed", "left"})


class SubscriptionLease(TurnLease[Subscription]):
    """A subscription claimed for one turn; `row` is the row as claimed, with its trigger and connection."""

    @classmethod
    def claim(cls, row: Subscription, *also: Q, **values: Any) -> Self | None:
        """Claim the row as Lease.claim, and read it again with its relations."""
        claimed = super().claim(row, *also, **values)
        if claimed is not None:
            claimed.row = _with_relations(row)
        return claimed

    @property
    def connection(self) -> Connection:
        return self.row.trigger.connection

    def ask(self, act: Callable[[Subscriber, Any], T]) -> T:
        """Return provider_access.ask, with the lease renewed before each request. Raise LeaseLost as well."""
        return provider_access.ask(self.connection, act, self.keep)

    def write(self, **fields: Any) -> None:
        """Update the row while this worker holds the lease. Raise LeaseLost otherwise."""
        if fields.get("status") in _ENDED:
            fields.setdefault("ended_at", clock.now())
            fields.setdefault("next_attempt_at", None)
        super().write(**fields)

    def done(self, *, again_in: float | None, error: dict[str, Any] | None = None, **fields: Any) -> None:
        """Release the lease after a success.

        again_in: seconds until the next turn, None for never. error: what is wrong all the same.
        """
        again = None if again_in is None else clock.now() + timedelta(seconds=again_in)
        self.release(attempts=0, error=error, next_attempt_at=again, **fields)


def _with_relations(row: Subscription) -> Subscription:
    return Subscription.objects.select_related(
        "secret",
        "trigger__workspace",
        "trigger__connection__grant",
        "trigger__connection__workspace__account",
    ).get(pk=row.pk)
