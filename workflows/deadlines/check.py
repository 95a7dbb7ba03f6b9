"""The check of a passed deadline: ask the provider whether it is still so, in flight, and make the event if it is.

A check is claimed by compare-and-set on its row and asks without a transaction open. Its end is one transaction: the
row ends, and the event is stored as those of webhooks are. So a crash leaves both or neither, and the next check makes
the same event again, under the same ID.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from connections import retention_periods
from connections.grants.request_budget import Exhausted
from connections.models import Connection
from core import backoff
from core.db import clock
from core.db.leases import LeaseLost
from core.errors import Problem, in_words
from core.text.json_sanitize import storable
from workflows import catalog
from workflows.calls import problems, provider_access
from workflows.catalog import DeadlineAnswer, DeadlineRule, PassedDeadline, ProviderError
from workflows.deadlines.begin_end import cancel
from workflows.inbox import store
from workflows.inbox.store import Verdict
from workflows.models import Deadline, Event, Trigger
from workflows.notifications import facts
from workflows.queue import due_work
from workflows.queue.turns import TurnLease

log = structlog.get_logger(__name__)

_AT_ONCE = 50
# After so many checks in a row that failed people are notified; by then it has lasted for about a minute.
_TOLD_AFTER = 6
# A problem that needs a person is checked again after this; a reconnected connection is checked at once.
_LATER_SECONDS = 900.0
# A deadline that could not be checked for so long is given up.
GIVEN_UP_AFTER = timedelta(days=7)
_PRUNED_AT_ONCE = 1000
_WAITS_FOR_A_PERSON = ("reconnection_needed", "connection_pending")
_WAITS_FOR_ITS_TURN = ("request_budget_spent", "access_refused_for_now")


class DeadlineLease(TurnLease[Deadline]):
    """A deadline claimed for one check. A check counts as failed until it has succeeded."""

    seen = ("status", "next_attempt_at")


def check_due(until: float) -> tuple[int, bool]:
    """Begin the checks that are due where there is room; see due_work.begin."""
    return due_work.begin(
        Deadline.objects.due(clock.now()).select_related("trigger"),
        connection="trigger__connection",
        place_of=lambda row: (row.trigger.workspace_id, row.trigger.connection_id),
        claim=_claim,
        work=_check_in_background,
        until=until,
        limit=_AT_ONCE,
    )


def wake(connection: Connection) -> int:
    """Check those that have waited for the connection at once, because it is back. Return how many."""
    now = clock.now()
    waiting = Deadline.objects.open().filter(trigger__connection=connection, due_at__lte=now)
    return waiting.update(next_attempt_at=now, attempts=0)


def prune() -> int:
    """Give up what could not be checked for days, and delete what ended long ago. Return how many rows it was."""
    now = clock.now()
    lost = Deadline.objects.open().filter(due_at__lt=now - GIVEN_UP_AFTER)
    lost = lost.filter(trouble_since__lt=now - GIVEN_UP_AFTER)
    reason = f"It could not be checked for {GIVEN_UP_AFTER.days} days."
    given_up = cancel(
        Deadline.objects.filter(pk__in=list(lost.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])), reason
    )
    old = Deadline.objects.filter(ended_at__lt=now - retention_periods.ENDED_DEADLINES)
    chosen = list(old.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])
    return given_up + Deadline.objects.filter(pk__in=chosen).delete()[0]


def _claim(row: Deadline) -> DeadlineLease | None:
    """Claim a check. Waits grow beforehand, so that a check that kills its worker is made ever more rarely."""
    wait = timedelta(seconds=backoff.delay(row.attempts + 1))
    return DeadlineLease.claim(row, next_attempt_at=clock.now() + wait)


def _check_in_background(lease: DeadlineLease) -> None:
    try:
        _check(lease)
    except LeaseLost:
        log.info("deadline_taken_over", deadline=lease.row.pk)
    except Exception:
        log.exception("deadline_check_broke", deadline=lease.row.pk)
        message = "TaskJuice failed while checking. Retrying later."
        with suppress(LeaseLost):
            _fail(lease, Problem("internal_error", message, status=500, retryable=True))


def _check(lease: DeadlineLease) -> None:
    rule = catalog.deadline_rule(lease.row.trigger.key)
    try:
        if rule is None:
            raise Problem(
                "unknown_trigger", f"The trigger {lease.row.trigger.key} no longer exists.", status=404
            )
        answer = _ask(lease, rule)
    except ProviderError as error:
        _fail(lease, problems.of_provider_error(error))
    except Exhausted as spent:
        _fail(lease, problems.of_spent_budget(spent))
    except Problem as problem:
        _fail(lease, problem)
    else:
        _settle(lease, rule, answer)


def _ask(lease: DeadlineLease, rule: DeadlineRule) -> DeadlineAnswer:
    """Raises Problem where the connection cannot be used, ProviderError and Exhausted."""
    row = lease.row
    connection = Connection.objects.select_related("grant", "workspace").get(pk=row.trigger.connection_id)
    provider_access.check_usable(connection, *rule.scopes, needed_by="this trigger")

    def ask(token: str) -> DeadlineAnswer:
        meter = provider_access.Meter(connection, before=lease.keep)
        api = provider_access.open_api(connection, token, meter)
        return rule.ask(api, PassedDeadline(row.subject, row.since, row.due_at))

    return provider_access.authorised(connection, ask)


@transaction.atomic
def _settle(lease: DeadlineLease, rule: DeadlineRule, answer: DeadlineAnswer) -> None:
    """End or move the row, and store its event, in one transaction. Raise LeaseLost: then nothing is stored."""
    trigger = lease.row.trigger
    trigger.lock()  # before the deadline: the lock order of every change of a trigger
    if answer.since is not None:
        _move(lease, answer.since)
    elif answer.body is None:
        _release_ended(lease, Deadline.Status.CANCELLED, answer.words)
    elif trigger.status == Trigger.Status.ACTIVE:
        verdict = store.store(trigger, body=answer.body, source=Event.DEADLINE)
        filtered = verdict == Verdict.FILTERED
        status = Deadline.Status.CANCELLED if filtered else Deadline.Status.PASSED
        _release_ended(lease, status, "The filters of the trigger exclude it." if filtered else "")


def _move(lease: DeadlineLease, since: datetime) -> None:
    row = lease.row
    due_at = since + (row.due_at - row.since)
    lease.release(
        since=since,
        due_at=due_at,
        told_at=max(since, row.told_at),
        next_attempt_at=due_at,
        attempts=0,
        trouble=None,
        trouble_since=None,
    )


def _release_ended(lease: DeadlineLease, status: Deadline.Status, reason: str) -> None:
    lease.release(
        status=status,
        reason=reason[:300],
        next_attempt_at=None,
        ended_at=clock.now(),
        trouble=None,
        trouble_since=None,
    )


def _fail(lease: DeadlineLease, problem: Problem) -> None:
    """Wait, and say why. Raise LeaseLost.

    Waiting for a person or for its turn is no attempt; of a connection that waits people are notified already.
    """
    row, now = lease.row, clock.now()
    if problem.code in _WAITS_FOR_A_PERSON:
        wait, attempts = _LATER_SECONDS, 0
    elif problem.code in _WAITS_FOR_ITS_TURN:
        wait, attempts = problem.retry_after or 1.0, row.attempts - 1
    else:
        wait, attempts = backoff.delay(row.attempts, problem.retry_after), row.attempts
    log.info("deadline_check_failed", deadline=row.pk, code=problem.code, attempts=attempts)
    fields = {"next_attempt_at": now + timedelta(seconds=wait), "attempts": attempts}
    if problem.code not in _WAITS_FOR_ITS_TURN:
        fields |= {"trouble": storable(problem.as_error()), "trouble_since": row.trouble_since or now}
    with transaction.atomic():
        lease.release(**fields)
        if attempts == _TOLD_AFTER and not _told_already(row):
            facts.deadlines_not_checked(row.trigger, in_words(storable(problem.as_error())))


def _told_already(row: Deadline) -> bool:
    others = Deadline.objects.open().filter(trigger=row.trigger_id, attempts__gte=_TOLD_AFTER)
    return others.exclude(pk=row.pk).exists()
