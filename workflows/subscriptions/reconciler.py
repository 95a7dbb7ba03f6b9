"""The reconciler: a turn of each due subscription, in flight, which stores each failure on its row."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from connections import retention_periods
from connections.tenancy.actor import Actor
from core import backoff
from core.db import clock
from core.db.leases import LeaseLost
from core.errors import Problem
from core.text.json_sanitize import storable
from workflows.calls import problems
from workflows.catalog import ProviderError
from workflows.models import Subscription
from workflows.queue import due_work
from workflows.subscriptions import check, create, remove, requests
from workflows.subscriptions.lease import SubscriptionLease

log = structlog.get_logger(__name__)

_BATCH = 10
_PRUNED_AT_ONCE = 1000
# After these, within about half an hour, a first webhook is given up. The replacement of a webhook that worked, and a
# removal, are retried every hour for two days: the provider may only be down.
MAX_ATTEMPTS = 12
HOURLY = 48
# A problem that needs a person is checked again after this; a reconnected connection is checked at once.
_LATER_SECONDS = 3600.0
_SYSTEM = Actor.system()
_STEPS = {
    "making": create.make,
    "on": check.look,
    "replaced": remove.replaced,
    "removing": remove.remove,
    "removed": remove.retire_secret,
}
# The final status after a permanent failure or the last attempt. Rows of other statuses continue.
_ENDS = {"making": "failed", "removing": "left"}


def tend_due(until: float) -> tuple[int, bool]:
    """Begin a turn of due subscriptions where there is room; see due_work.begin."""
    return due_work.begin(
        Subscription.objects.due(clock.now()).select_related("trigger").order_by("next_attempt_at", "pk"),
        connection="trigger__connection",
        place_of=lambda row: (row.trigger.workspace_id, row.trigger.connection_id),
        claim=SubscriptionLease.claim,
        work=tend,
        until=until,
        limit=_BATCH,
    )


def prune() -> int:
    """Delete subscriptions that ended long ago; the audit log keeps their events. Return how many."""
    old = Subscription.objects.filter(
        next_attempt_at__isnull=True, ended_at__lt=clock.now() - retention_periods.ENDED_SUBSCRIPTIONS
    )
    chosen = list(old.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])
    return Subscription.objects.filter(pk__in=chosen).delete()[0]


def tend(lease: SubscriptionLease) -> None:
    """Take one turn. An error is stored on the row; after a crash the row is free again when the lease expires."""
    try:
        step = _STEPS.get(lease.row.status)
        if step is None:
            lease.release(next_attempt_at=None)
        elif lease.row.attempts > _most(lease.row) and lease.row.status in _ENDS:
            _failed(lease, Problem("attempts_exhausted", "Each attempt was interrupted before it finished."))
        else:
            step(lease)
    except LeaseLost:
        log.info("subscription_taken_over", subscription=str(lease.row.pk))
    except ProviderError as error:
        _note(lease, problems.of_provider_error(error))
    except Problem as problem:
        _note(lease, problem)
    except Exception:
        log.exception("subscription_turn_broke", subscription=str(lease.row.pk), status=lease.row.status)
        words = "Something went wrong. Contact your TaskJuice administrator."
        _note(lease, Problem("broken", words, status=500, retryable=True))


def _note(lease: SubscriptionLease, problem: Problem) -> None:
    try:
        _failed(lease, problem)
    except LeaseLost:
        log.info("subscription_taken_over", subscription=str(lease.row.pk))


def _failed(lease: SubscriptionLease, problem: Problem) -> None:
    """Schedule a retry, or end the row if a retry cannot help."""
    row, error = lease.row, storable(problem.as_error())
    log.warning("subscription_turn_failed", subscription=str(row.pk), status=row.status, code=problem.code)
    given_up = row.attempts >= _most(row)
    if problem.code in ("reconnection_needed", "connection_pending"):
        # Waiting for a person is no attempt.
        lease.release(error=error, attempts=0, next_attempt_at=_in(_LATER_SECONDS))
    elif problem.code in ("request_budget_spent", "access_refused_for_now"):
        # Nor is waiting for its turn, or for a spell of refusals to end, which has an end of its own (grants).
        wait = problem.retry_after or 1.0
        lease.release(error=error, attempts=max(0, row.attempts - 1), next_attempt_at=_in(wait))
    elif row.status in _ENDS and (given_up or not problem.retryable):
        _end(lease, _ENDS[row.status], error)
    else:
        soon = problem.retryable and (row.status not in _ENDS or row.attempts < MAX_ATTEMPTS)
        wait = backoff.delay(row.attempts, problem.retry_after) if soon else _LATER_SECONDS
        lease.release(error=error, next_attempt_at=_in(wait))


def _most(row: Subscription) -> int:
    """Return after how many attempts the row is given up."""
    first = row.status == Subscription.Status.MAKING and row.gap_since is None
    return MAX_ATTEMPTS if first else MAX_ATTEMPTS + HOURLY


def _end(lease: SubscriptionLease, status: str, error: dict[str, Any]) -> None:
    with transaction.atomic():
        lease.release(status=status, error=error, ended_at=clock.now(), next_attempt_at=None)
        if status == Subscription.Status.LEFT:
            detail = {"webhook": lease.row.external_id, "reason": error["code"]}
            requests.record(_SYSTEM, lease.row.trigger, requests.LEFT, **detail)


def _in(seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)
