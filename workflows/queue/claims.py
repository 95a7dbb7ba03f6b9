"""Claims: a call is tried by one process at a time, which holds its lease and counts the attempt beforehand."""

import uuid
from datetime import timedelta

from django.db.models import Q

from core.db import clock
from workflows.models import ActionCall

# Renewed before each request that leaves; a request takes at most 22 seconds (pagerduty_app.client.http.transport).
LEASE = timedelta(seconds=30)
Status = ActionCall.Status


class LeaseLost(Exception):
    """Another worker has taken the call over; this one must not write or send any more."""


def claimed_from_birth(call: ActionCall) -> uuid.UUID:
    """Fill in an unsaved call as claimed for its first attempt, so that saving it is also claiming it."""
    call.status = Status.RUNNING
    call.attempts = 1
    call.lease_holder = uuid.uuid4()
    call.lease_until = clock.now() + LEASE
    return call.lease_holder


def claim(call: ActionCall) -> uuid.UUID | None:
    """Claim the request for one more attempt. Return None if another worker has it or it is not open."""
    holder, now = uuid.uuid4(), clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimed = ActionCall.objects.filter(
        free,
        pk=call.pk,
        status__in=[Status.PENDING, Status.RUNNING, Status.WAITING, Status.PAUSED],
        attempts=call.attempts,
    ).update(
        status=Status.RUNNING,
        attempts=call.attempts + 1,
        next_attempt_at=None,
        lease_holder=holder,
        lease_until=now + LEASE,
    )
    if not claimed:
        return None
    call.refresh_from_db()
    return holder
