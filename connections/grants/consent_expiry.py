"""Expiry of consents: notifies the agency a month before, and again a week before."""

from datetime import datetime, timedelta

from django.db import transaction

from connections.grants import registry
from connections.models import Connection, Grant
from connections.notifications import facts
from connections.notifications.kinds import CONSENT_ENDS
from core.db import clock

MONTH, WEEK = "month", "week"
_DAYS_BEFORE = {MONTH: timedelta(days=30), WEEK: timedelta(days=7)}
_SEVERAL = 200


def announce() -> int:
    """Notify of the consents that end soon, each a month before and again a week before. Return how many were new.

    The one for a month before is not given late, beside that for a week.
    """
    now = clock.now()
    week, month = now + _DAYS_BEFORE[WEEK], now + _DAYS_BEFORE[MONTH]
    return _announce(WEEK, [WEEK], now, week) + _announce(MONTH, [WEEK, MONTH], week, month)


def _announce(which: str, given: list[str], after: datetime, until: datetime) -> int:
    ending = Grant.objects.filter(
        connection__status=Connection.Status.ACTIVE, consent_ends_at__gt=after, consent_ends_at__lte=until
    ).exclude(consent_told__in=given)
    return sum(_tell(grant, which) for grant in ending.select_related("connection__workspace")[:_SEVERAL])


@transaction.atomic
def _tell(grant: Grant, which: str) -> bool:
    """Notify once: another worker may be doing it, or a person may reconnect now."""
    unchanged = Grant.objects.filter(
        pk=grant.pk, consent_told=grant.consent_told, consent_ends_at=grant.consent_ends_at
    )
    ends = grant.consent_ends_at
    if ends is None or not unchanged.update(consent_told=which):
        return False
    connection = grant.connection
    provider, day = registry.get(connection.provider).name, f"{ends:%-d %b %Y}"
    facts.of_connection(
        CONSENT_ENDS,
        connection,
        title=f"Reconnect before {day}: {connection.label}",
        reason=f"{provider} requires re-authorization after {day}, even if the connection is healthy until "
        "then. Reconnect it before that day, or invite the client. Otherwise its workflows stop on that "
        "day.",
        occasion=f"{which} {ends:%Y-%m-%d}",
    )
    return True


def ends_soon(ends: datetime | None) -> bool:
    """Return whether the consent expires within a month, so that people should reconnect."""
    return ends is not None and ends <= clock.now() + _DAYS_BEFORE[MONTH]
