"""Count refused and duplicate deliveries per trigger and minute, so that trouble is visible; no body is kept.

Anyone may post to an incoming URL. So counts are bounded per minute, and a refused delivery counts only if its
signature header looks like a signature. A database error here never changes the sender's response.
"""

from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Count, F

from connections import retention_periods
from core.db import clock
from workflows.models import Trigger, TurnedAway

log = structlog.get_logger(__name__)

_MOST_ROWS = 2_000
_RECENTLY = timedelta(days=1)


def count(trigger: Trigger, verdict: str) -> None:
    """Count one delivery of this minute. Never raise on a database error."""
    try:
        _count(trigger, verdict, clock.now())
    except DatabaseError:
        log.exception("turned_away_not_counted", trigger=str(trigger.pk), verdict=verdict)


def _count(trigger: Trigger, verdict: str, now: datetime) -> None:
    """Read the count before writing: beyond the bound a flood costs one query per delivery and no write."""
    minute = now.replace(second=0, microsecond=0)
    rows = TurnedAway.objects.filter(trigger=trigger, verdict=verdict, minute=minute)
    so_far = rows.values_list("count", flat=True).first()
    if so_far is None:
        try:
            with transaction.atomic():
                TurnedAway.objects.create(trigger=trigger, verdict=verdict, minute=minute, last_at=now)
        except IntegrityError:
            so_far = 1  # another process made the row at this moment
        else:
            return
    if so_far < TurnedAway.MOST_A_MINUTE:
        room = rows.filter(count__lt=TurnedAway.MOST_A_MINUTE)
        room.update(count=F("count") + 1, last_at=now)


def close_minute(trigger: Trigger) -> None:
    """End the counts of this minute, so that what is refused from now on is counted apart from what was before.

    Called when a new secret is added: refusals of the earlier one must not be held against it.
    """
    now = clock.now()
    this_minute = now.replace(second=0, microsecond=0)
    if now > this_minute:
        TurnedAway.objects.filter(trigger=trigger, minute=this_minute).update(minute=now)


def prune() -> int:
    """Delete rows past retention, and the oldest rows of triggers that have too many. Return how many."""
    now = clock.now()
    deleted, _ = TurnedAway.objects.filter(minute__lt=now - retention_periods.REJECTION_COUNTS).delete()
    busy = TurnedAway.objects.filter(minute__gte=now - _RECENTLY).order_by().values("trigger").distinct()
    crowded = (
        TurnedAway.objects.filter(trigger__in=busy)
        .order_by()
        .values_list("trigger", flat=True)
        .annotate(rows=Count("id"))
        .filter(rows__gt=_MOST_ROWS)
    )
    for trigger in list(crowded):
        rows = TurnedAway.objects.filter(trigger=trigger)
        oldest_kept = rows.order_by("-minute", "-id").values_list("minute", flat=True)[_MOST_ROWS - 1]
        deleted += rows.filter(minute__lt=oldest_kept).delete()[0]
    return deleted
