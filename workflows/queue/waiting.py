"""The reason why a run that has not ended is not going on now, from the rows alone: for pages, API and /metrics."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL

from core.db import clock
from workflows import catalog
from workflows.models import ActionCall, Run, StepRun
from workflows.models.runs import OPEN, UNFINISHED
from workflows.queue import busy_connections
from workflows.queue.busy_connections import Busy

# What a call's error says as `status` after a 429 of the provider, and when our own budget for it is spent.
RATE_LIMITED = 429
_AMONG = ", ".join(f"'{status}'" for status in UNFINISHED)
# The run that holds up the later ones of its workflow and lane (workflows.queue.fair_scheduling). Ordered as its index
# is, down to the last column, and in the words of its condition: else a planner reads runs that ended long ago.
_FIRST_OF_LANE = f"""(SELECT ahead.id FROM workflows_run ahead
    WHERE ahead.status IN ({_AMONG}) AND ahead.version_id IS NOT NULL
    AND ahead.workspace_id = workflows_run.workspace_id AND ahead.workflow_id = workflows_run.workflow_id
    AND ahead.lane = workflows_run.lane AND ahead.seq < workflows_run.seq
    ORDER BY ahead.workspace_id, ahead.workflow_id, ahead.lane, ahead.seq LIMIT 1)"""  # noqa: S608 - words of our own


class Reason(models.TextChoices):
    """Kinds of waiting; the names are part of the API and labels of /metrics."""

    EARLIER_RUN = "earlier_run"
    RATE_LIMIT = "rate_limit"
    RETRY = "retry"
    WORKER = "worker"
    CONNECTION_BUSY = "connection_busy"
    RESPONSE = "response"
    CONNECTION = "connection"
    PERSON = "person"
    SAFETY_LIMIT = "safety_limit"


@dataclass(frozen=True)
class Waiting:
    """One sentence: `before`, then what it is about (a link on pages, "" for nothing to link), then `after`.

    until: when the run goes on, where that is known. run, connection: what the link leads to.
    """

    reason: Reason
    before: str
    about: str = ""
    after: str = ""
    until: datetime | None = None
    run: uuid.UUID | None = None
    connection: uuid.UUID | None = None

    @property
    def message(self) -> str:
        return f"{self.before}{self.about}{self.after}"


@dataclass(frozen=True)
class _Call:
    """The call of the step that a run is at."""

    status: str
    lease_until: datetime | None
    error: Any
    provider: str


def first_of_lane() -> RawSQL:
    """Return `id` of the first unfinished run of the lane if it is an earlier one, for queries of runs only.

    Not within a subquery, where Django gives the table another name. Tests of drafts have no lane.
    """
    return RawSQL(_FIRST_OF_LANE, (), output_field=models.UUIDField(null=True))  # noqa: S611  # nosec B611 - as above


def of(runs: Iterable[Run]) -> dict[int, Waiting]:
    """Return by `pk` why runs wait. Those that have ended or that a worker is busy with are left out.

    At most four queries, however many runs; none if all have ended.
    """
    unfinished = [run for run in runs if run.status in UNFINISHED]
    if not unfinished:
        return {}
    rows = Run.objects.filter(pk__in=[run.pk for run in unfinished]).annotate(ahead=first_of_lane())
    facts = {pk: about for pk, *about in rows.values_list("pk", "ahead", "blocked_on__label")}
    calls = _calls([run.pk for run in unfinished if run.status in OPEN])
    now, found = clock.now(), dict[int, Waiting]()
    for run in unfinished:
        ahead, label = facts.get(run.pk, (None, None))
        why = _paused(run, label) if run.status == Run.Status.PAUSED else _open(run, ahead, calls, now)
        if why is not None:
            found[run.pk] = why
    ready = [run for run in unfinished if run.pk in found and found[run.pk].reason == Reason.WORKER]
    return found | {pk: _busy(it) for pk, it in busy_connections.that_hold(ready, now).items()}


def _calls(runs: list[int]) -> dict[int, _Call]:
    """The open calls by run; one query."""
    if not runs:
        return {}
    rows = StepRun.objects.filter(run__in=runs, status=StepRun.Status.RUNNING, call__isnull=False)
    names = ("call__status", "call__lease_until", "call__error", "call__connection__provider")
    return {run: _Call(*about) for run, *about in rows.values_list("run_id", *names)}


def _paused(run: Run, label: str | None) -> Waiting:
    if run.blocked_on_id is not None:
        return Waiting(
            Reason.CONNECTION,
            "Waiting for connection ",
            about=label or "",
            after=" to be reconnected",
            connection=run.blocked_on_id,
        )
    if run.pause_reason == Run.PauseReason.SAFETY:
        return Waiting(Reason.SAFETY_LIMIT, "Waiting for a member to resume the workflow")
    return Waiting(Reason.PERSON, "Waiting for a member to resume the run")


def _open(run: Run, ahead: uuid.UUID | None, calls: Mapping[int, _Call], now: datetime) -> Waiting | None:
    """Return the reason of a run that is not paused. ahead: the first of its lane, unless it is that itself."""
    if ahead is not None and not run.is_test:
        return Waiting(
            Reason.EARLIER_RUN, "Waiting for ", about="an earlier run", after=" of this incident", run=ahead
        )
    call = calls.get(run.pk)
    if call and call.status == ActionCall.Status.RUNNING and _held(call.lease_until, now):
        return Waiting(Reason.RESPONSE, f"Waiting for {_name(call.provider)}’s response")
    if _held(run.lease_until, now):
        return None
    if run.due_at <= now:
        return Waiting(Reason.WORKER, "Waiting for a worker")
    if call and call.status == ActionCall.Status.WAITING and is_rate_limit(call.error):
        return Waiting(
            Reason.RATE_LIMIT, f"Waiting for {_name(call.provider)}’s rate limit", until=run.due_at
        )
    return Waiting(Reason.RETRY, "Waiting for the next attempt", until=run.due_at)


def is_rate_limit(error: Any) -> bool:
    """Return whether the error of a waiting call is a 429 of the provider, or a spent budget."""
    return isinstance(error, dict) and error.get("status") == RATE_LIMITED


def _held(until: datetime | None, now: datetime) -> bool:
    return until is not None and until >= now


def _busy(busy: Busy) -> Waiting:
    return Waiting(
        Reason.CONNECTION_BUSY,
        "Waiting for an earlier request to ",
        about=f"this {_name(busy.provider)} connection",
        connection=busy.connection,
    )


def _name(provider: str) -> str:
    return catalog.integration(provider).name
