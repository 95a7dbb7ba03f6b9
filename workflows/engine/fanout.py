"""From events to runs: the oldest queued event of each lane makes one run per matching workflow, or a deadline."""

import math
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.db import DataError, transaction

from core.db import clock
from core.db.hot import rows
from core.db.leases import FREE_SQL, LeaseLost, is_free
from core.errors import in_words
from workflows.calls import loop_detection
from workflows.catalog import DeadlineRule
from workflows.conditions import evaluate
from workflows.deadlines import begin_end
from workflows.engine.leases import EventLease
from workflows.formatting import chain_reasons
from workflows.inbox.events import fields_of
from workflows.models import Event, Run, Trace, Workflow, WorkflowVersion
from workflows.notifications import facts
from workflows.outgoing import outbox
from workflows.queue.fair_scheduling import FairSchedule
from workflows.runs import chain_limits, safety_limit

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
_BATCH = 50
_SCHEDULE = FairSchedule(
    table="workflows_event",
    part="trigger_id",
    open="status = 'queued'",
    busy="status = 'queued'",
    busy_order="trigger_id, lane, seq",
    worth="1 = 1",
    due=FREE_SQL,
)


def fan_out_due(until: float = math.inf) -> int:
    """Make the runs of events that are due. Return how many events were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    taken = 0
    for event in _heads():
        if taken and time.monotonic() > until:
            break
        lease = EventLease.claim(event)  # just before its attempt: a crash counts against no other event
        if lease is None:
            continue
        taken += 1
        try:
            _fan_out(lease)
        except LeaseLost:
            log.warning("event_taken_over", event_id=str(event.id))
        except Exception as error:
            log.exception("fan_out_failed", event_id=str(event.id), attempts=event.attempts)
            with suppress(LeaseLost):
                _retry(lease, error)
    return taken


def anything_due() -> bool:
    return bool(_SCHEDULE.next(1))


def _heads() -> list[Event]:
    """The oldest queued event of each lane, workspaces in turn.

    An event stays `queued` until its runs exist, so the ones behind it cannot be taken up meanwhile.
    """
    order = _SCHEDULE.next(_BATCH)
    # Another worker may have taken one since; what is seen here is what the claim compares with.
    # By primary keys, one table after the other: joined, a planner that does not know the tables yet reads all events.
    now, read = clock.now(), rows.of_keys(Event, order)
    events = [read[seq] for seq in order if seq in read]
    events = [event for event in events if event.status == Event.Status.QUEUED and is_free(event, now)]
    rows.fetch_related(rows.fetch_related(events, "trigger"), "connection")
    return events


def _fan_out(lease: EventLease) -> None:
    """Runs and the end of the event in one transaction: a crash leaves either both or neither. Raise LeaseLost."""
    event = lease.row
    if event.attempts > MAX_ATTEMPTS:
        _fail(lease, "The worker stopped at each attempt.")
        return
    if event.is_test:  # by itself it starts nothing; see workflows.triggers.test_events
        _finish(lease, Event.Status.DONE)
        return
    if rule := begin_end.rule_of(event):
        _take_deadline(lease, rule)
        return
    with transaction.atomic():
        cause = _cause_of(event)
        _finish(lease, Event.Status.DONE, cause=cause)
        fields, chain = fields_of(event), _chain_of(event, cause or begin_end.cause_of(event))
        listening = Workflow.objects.filter(safety_limit.listening(), trigger=event.trigger_id)
        listening = listening.select_related("live", "workspace__account").order_by("created_at", "id")
        wanted = [workflow for workflow in listening if workflow.live and _wants(workflow.live, fields)]
        begun, not_started = chain_limits.admit(chain, wanted)
        made = Run.objects.bulk_create([_run(event, workflow, chain) for workflow in begun])
        if not_started:
            log.info("kept_by_chain", event_id=str(event.id), not_started=not_started)
            Event.objects.filter(pk=event.pk).update(not_started=not_started)
        outbox.owe_runs(run.pk for run in made if run.finished_at)
        _tell_of_ended_chain(event, wanted, made, not_started)


def _take_deadline(lease: EventLease, rule: DeadlineRule) -> None:
    """A deadline and the end of the event in one transaction, as `_fan_out`. Raise LeaseLost."""
    event = lease.row
    with transaction.atomic():
        cause = _cause_of(event)
        why_not = begin_end.take(event, rule, cause)
        _finish(lease, Event.Status.FILTERED if why_not else Event.Status.DONE, error=why_not, cause=cause)


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


def _chain_of(event: Event, cause: Trace | None) -> chain_limits.Chain:
    """As chain_limits.chain_of; what it cannot make sense of does not cost the event."""
    try:
        return chain_limits.chain_of(event, cause)
    except (ValueError, ArithmeticError):
        log.exception("chain_not_known", event_id=str(event.id))
        return chain_limits.Chain(event.id, cause)


def _run(event: Event, workflow: Workflow, chain: chain_limits.Chain) -> Run:
    """The workflow's run, unsaved: pending, or stopped because its chain is too long, or held by the safety limit."""
    now = clock.now()
    fields = chain_limits.starting_fields(chain.cause, now)
    if "error" in fields:
        log.warning("chain_too_long", workflow=str(workflow.pk), event_id=str(event.id))
    elif safety_limit.holds(workflow, now):
        fields |= {"status": Run.Status.PAUSED, "pause_reason": Run.PauseReason.SAFETY}
        fields |= {"error": safety_limit.held_error(workflow)}
    return Run(
        workspace_id=event.workspace_id,
        workflow=workflow,
        version=workflow.live,
        event=event,
        lane=event.lane,
        chain=chain.key,
        **fields,
    )


def _wants(version: WorkflowVersion, fields: dict[str, Any]) -> bool:
    """Return whether the workflow's conditions hold; a fault in one workflow does not affect the others."""
    try:
        return evaluate.hold(version.definition["conditions"], fields)
    except Exception:
        log.exception("conditions_failed", workflow=str(version.workflow_id), version=version.number)
        return False


def _finish(lease: EventLease, status: str, error: str = "", cause: Trace | None = None) -> None:
    lease.release(status=status, error=error, cause=cause)


def _retry(lease: EventLease, error: Exception) -> None:
    """Try again later, and after the last attempt let the lane go on without this event. Raise LeaseLost."""
    attempts = lease.row.attempts
    if attempts >= MAX_ATTEMPTS:
        _fail(lease, type(error).__name__)
    else:
        lease.write(lease_until=clock.now() + timedelta(seconds=2**attempts))


def _fail(lease: EventLease, error: str) -> None:
    """Give the event up, and notify people. Raise LeaseLost."""
    event = lease.row
    with transaction.atomic():
        _finish(lease, Event.Status.FAILED, error=error)
        if not event.is_test:
            words = error if " " in error else f"It failed {event.attempts} times ({error})."
            facts.event_failed(event, words)
