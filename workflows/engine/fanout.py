"""From events to runs: the oldest queued event of each lane makes one run per matching workflow."""

import math
import time
from datetime import timedelta
from typing import Any

import structlog
from django.db import DataError, transaction
from django.db.models import Q

from core.db import clock
from core.db.hot import rows
from core.errors import in_words
from workflows.calls import loop_detection
from workflows.conditions import evaluate
from workflows.formatting import chain_reasons
from workflows.inbox.events import fields_of
from workflows.models import Event, Run, Trace, Workflow, WorkflowVersion
from workflows.notifications import facts
from workflows.outgoing import outbox
from workflows.queue.fair_scheduling import Turns
from workflows.runs import chains, rate_limit

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
_LEASE = timedelta(seconds=30)
_BATCH = 50
_TURNS = Turns(
    table="workflows_event",
    part="trigger_id",
    open="status = 'queued'",
    busy="status = 'queued'",
    busy_order="trigger_id, lane, seq",
    worth="1 = 1",
    due="(lease_until IS NULL OR lease_until < %(now)s)",
)


def fan_out_due(until: float = math.inf) -> int:
    """Make the runs of events that are due. Return how many events were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    taken = 0
    for event in _heads():
        if taken and time.monotonic() > until:
            break
        if not _take(event):
            continue
        taken += 1
        try:
            _fan_out(event)
        except Exception as error:
            log.exception("fan_out_failed", event_id=str(event.id), attempts=event.attempts)
            _give_back(event, error)
    return taken


def anything_due() -> bool:
    return bool(_TURNS.next(1))


def _heads() -> list[Event]:
    """The oldest queued event of each lane, workspaces in turn.

    An event stays `queued` until its runs exist, so the ones behind it cannot be taken up meanwhile.
    """
    order = _TURNS.next(_BATCH)
    # Another worker may have taken one since; what is seen here is what `_take` holds against.
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=clock.now())
    # By primary keys, one table after the other: joined, a planner that does not know the tables yet reads all events.
    events = Event.objects.filter(free, seq__in=order, status="queued")
    events = events.prefetch_related("trigger__connection")
    return sorted(events, key=lambda event: order.index(event.seq))


def _take(event: Event) -> bool:
    """Claim it and count the attempt, just before it is tried: a crash counts against no other event."""
    as_seen = {"status": "queued", "attempts": event.attempts, "lease_until": event.lease_until}
    event.attempts += 1
    taken = {"attempts": event.attempts, "lease_until": clock.now() + _LEASE}
    # One that was tried before may have taken the whole server down with it: that has to be remembered.
    take = rows.update if as_seen["attempts"] else rows.claim
    return take(event, as_seen, taken)


def _fan_out(event: Event) -> None:
    """Runs and the end of the event in one transaction: a crash leaves either both or neither."""
    if event.attempts > MAX_ATTEMPTS:
        _fail(event, "The worker stopped at each attempt.")
        return
    if event.is_test:  # by itself it starts nothing; see workflows.triggers.test_events
        _finish(event, Event.Status.DONE)
        return
    with transaction.atomic():
        cause = _cause_of(event)
        if not _finish(event, Event.Status.DONE, cause=cause):
            return
        fields, chain = fields_of(event), _chain_of(event, cause)
        listening = Workflow.objects.filter(rate_limit.listening(), trigger=event.trigger_id)
        listening = listening.select_related("live", "workspace__account").order_by("created_at", "id")
        wanted = [workflow for workflow in listening if workflow.live and _wants(workflow.live, fields)]
        begun, not_started = chains.admit(chain, wanted)
        made = Run.objects.bulk_create([_run(event, workflow, chain) for workflow in begun])
        if not_started:
            log.info("kept_by_chain", event_id=str(event.id), not_started=not_started)
            Event.objects.filter(pk=event.pk).update(not_started=not_started)
        outbox.owe_runs(run.pk for run in made if run.finished_at)
        _tell_of_ended_chain(event, wanted, made, not_started)


def _tell_of_ended_chain(
    event: Event, wanted: list[Workflow], made: list[Run], not_started: list[dict[str, str]]
) -> None:
    """A workflow that is in its chain already is no news: each write that it reacts to would be."""
    full = {one["workflow"] for one in not_started if one["code"] == chain_reasons.FULL}
    for workflow in wanted:
        if str(workflow.pk) in full:
            facts.chain_ended(event, workflow, chain_reasons.WORDS[chain_reasons.FULL])
    for run in made:
        if run.status == Run.Status.CANCELLED:
            facts.chain_ended(event, run.workflow, in_words(run.error))


def _cause_of(event: Event) -> Trace | None:
    """As loop_detection.cause_of; what it cannot make sense of does not cost the event."""
    try:
        with transaction.atomic():
            return loop_detection.cause_of(event)
    except (ValueError, ArithmeticError, DataError):
        log.exception("cause_not_known", event_id=str(event.id))
        return None


def _chain_of(event: Event, cause: Trace | None) -> chains.Chain:
    """As chains.of; what it cannot make sense of does not cost the event."""
    try:
        return chains.of(event, cause)
    except (ValueError, ArithmeticError):
        log.exception("chain_not_known", event_id=str(event.id))
        return chains.Chain(event.id, cause)


def _run(event: Event, workflow: Workflow, chain: chains.Chain) -> Run:
    """Its run, to be saved: pending, or stopped because its chain is too long, or held by the safety limit."""
    now = clock.now()
    beginning = loop_detection.beginning(chain.cause, now)
    if "error" in beginning:
        log.warning("chain_too_long", workflow=str(workflow.pk), event_id=str(event.id))
    elif rate_limit.holds(workflow, now):
        beginning |= {"status": Run.Status.PAUSED, "pause_reason": Run.PauseReason.SAFETY}
        beginning |= {"error": rate_limit.held_error(workflow)}
    return Run(
        workspace_id=event.workspace_id,
        workflow=workflow,
        version=workflow.live,
        event=event,
        lane=event.lane,
        chain=chain.key,
        **beginning,
    )


def _wants(version: WorkflowVersion, fields: dict[str, Any]) -> bool:
    """Whether its conditions hold; one workflow's trouble is not the others'."""
    try:
        return evaluate.hold(version.definition["conditions"], fields)
    except Exception:
        log.exception("conditions_failed", workflow=str(version.workflow_id), version=version.number)
        return False


def _finish(event: Event, status: str, error: str = "", cause: Trace | None = None) -> bool:
    ended = {"status": status, "error": error, "lease_until": None, "cause": cause}
    return rows.update(event, {"status": "queued"}, ended)


def _give_back(event: Event, error: Exception) -> None:
    """Try again later, and after the last attempt let the lane go on without this event."""
    if event.attempts >= MAX_ATTEMPTS:
        _fail(event, type(error).__name__)
    else:
        wait = clock.now() + timedelta(seconds=2**event.attempts)
        Event.objects.filter(seq=event.seq, status="queued").update(lease_until=wait)


def _fail(event: Event, error: str) -> None:
    """Give it up, and let people know."""
    with transaction.atomic():
        if _finish(event, Event.Status.FAILED, error=error) and not event.is_test:
            words = error if " " in error else f"It failed {event.attempts} times ({error})."
            facts.event_failed(event, words)
