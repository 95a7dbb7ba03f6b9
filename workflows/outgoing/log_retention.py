"""Retention of the delivery log and of rotated secrets."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from connections import retention_periods
from core.db import clock
from workflows.models import HookDelivery, HookSecret

_BATCH = 1000
_KEPT = {
    HookDelivery.Status.DELIVERED: retention_periods.OUTGOING_MESSAGES,
    HookDelivery.Status.CANCELLED: retention_periods.OUTGOING_MESSAGES,
    HookDelivery.Status.DEAD: retention_periods.DEAD_LETTERS,
}


def prune() -> int:
    """Forget what is old, a batch at a time, and erase secrets whose rotation is over. Return how many went.

    What has waited as long as a delivery is kept, because its hook is paused or gone, becomes a dead letter.
    """
    now = clock.now()
    unreachable = Q(hook__status="paused") | Q(hook__deleted_at__isnull=False)
    waits = HookDelivery.objects.filter(unreachable, status="waiting")
    forgotten = _some(waits.filter(created_at__lt=now - retention_periods.OUTGOING_MESSAGES))
    forgotten.update(status=HookDelivery.Status.DEAD, next_attempt_at=None, finished_at=now)
    HookSecret.objects.filter(expires_at__lt=now).delete()
    return sum(_some(_older(status, kept)).delete()[0] for status, kept in _KEPT.items())


def _older(status: str, kept: timedelta) -> QuerySet[HookDelivery]:
    over = clock.now() - kept
    return HookDelivery.objects.filter(status=status, created_at__lt=over, finished_at__lt=over)


def _some(rows: QuerySet[HookDelivery]) -> QuerySet[HookDelivery]:
    keys = list(rows.order_by("created_at").values_list("pk", flat=True)[:_BATCH])
    return HookDelivery.objects.filter(pk__in=keys)
