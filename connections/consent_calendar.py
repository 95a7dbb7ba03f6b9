"""When consents end for good, and telling the agency in time: a month before, and again a week before."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from connections import clock
from connections.models import Connection, Grant, Notice

MONTH, WEEK = "consent_ends_in_a_month", "consent_ends_in_a_week"
_DAYS_BEFORE = {MONTH: timedelta(days=30), WEEK: timedelta(days=7)}
_SEVERAL = 200


def announce() -> int:
    """Write the notices that are due, each once a consent. Answers how many were new.

    The one for a month before is not sent late, beside that for a week.
    """
    now = clock.now()
    week, month = now + _DAYS_BEFORE[WEEK], now + _DAYS_BEFORE[MONTH]
    return _announce(WEEK, now, week) + _announce(MONTH, week, month)


def _announce(kind: str, after: datetime, until: datetime) -> int:
    told = Notice.objects.filter(
        connection=OuterRef("connection"), kind=kind, created_at__gte=OuterRef("obtained_at")
    )
    ending = Grant.objects.filter(
        ~Exists(told),
        connection__status=Connection.Status.ACTIVE,
        consent_ends_at__gt=after,
        consent_ends_at__lte=until,
    )
    new = [
        Notice(connection_id=connection, kind=kind, occasion=f"{ends:%Y-%m-%d}")
        for connection, ends in ending.values_list("connection", "consent_ends_at")[:_SEVERAL]
    ]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def is_about(notice: Notice, ends: datetime) -> bool:
    """Whether the notice still tells the truth: nobody has reconnected since."""
    return notice.occasion == f"{ends:%Y-%m-%d}"


def ends_soon(ends: datetime | None) -> bool:
    """Whether people should reconnect now, before it ends by itself."""
    return ends is not None and ends <= clock.now() + _DAYS_BEFORE[MONTH]
