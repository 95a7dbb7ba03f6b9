"""How long the delivery log goes back, and what else is over by the clock."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from core.db import clock
from workflows.models import HookDelivery, HookSecret

# Dead letters longer than the rest: a member may replay them.
KEPT_DAYS = 30
DEAD_KEPT_DAYS = 90
_BATCH = 1000
_KEPT = {
    HookDelivery.Status.DELIVERED: KEPT_DAYS,
    HookDelivery.Status.CANCELLED: KEPT_DAYS,
    HookDelivery.Status.DEAD: DEAD_KEPT_DAYS,
}


def prune() -> int:
    """Forget what is old, a batch at a time, and erase secrets whose rotation is over. Return how many went.

    What has waited as long as a delivery is kept, because its hook is paused or gone, becomes a dead letter.
    """
    now = clock.now()
    nobody = Q(hook__status="paused") | Q(hook__deleted_at__isnull=False)
    waits = HookDelivery.objects.filter(nobody, status="waiting")
    forgotten = _some(waits.filter(created_at__lt=now - timedelta(days=KEPT_DAYS)))
    forgotten.update(status=HookDelivery.Status.DEAD, next_attempt_at=None, finished_at=now)
    HookSecret.objects.filter(expires_at__lt=now).delete()
    return sum(_some(_older(status, days)).delete()[0] for status, days in _KEPT.items())


def _older(status: str, days: int) -> QuerySet[HookDelivery]:
    over = clock.now() - timedelta(days=days)
    return HookDelivery.objects.filter(status=status, created_at__lt=over, finished_at__lt=over)


def _some(rows: QuerySet[HookDelivery]) -> QuerySet[HookDelivery]:
    keys = list(rows.order_by("created_at").values_list("pk", flat=True)[:_BATCH])
    return HookDelivery.objects.filter(pk__in=keys)
