"""Connections that have as many requests on their way as one worker process may make, from the rows alone.

A node with several processes may make more, and a run that is due finds that room within milliseconds. So one that
waits while a connection has that many is taken to wait for them.
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from core.db.leases import held
from core.db.literals import literally
from workflows.models import ActionCall, Run, WorkflowVersion
from workflows.models.runs import OPEN, connection_of
from workflows.queue.in_flight import PER_CONNECTION

_MOST = 10_000


@dataclass(frozen=True)
class Busy:
    """A connection that is busy."""

    connection: uuid.UUID
    workspace: uuid.UUID
    provider: str


def calls_in_flight(now: datetime, workspaces: Iterable[uuid.UUID] | None) -> QuerySet[ActionCall]:
    """Return the calls in flight, of those workspaces or of all."""
    # A claimed call has no next attempt (CallLease), which is the first column of the index.
    calls = ActionCall.objects.filter(
        literally("workflows_actioncall", "status", OPEN),
        held(now),
        status=ActionCall.Status.RUNNING,
        next_attempt_at__isnull=True,
    ).exclude(origin=ActionCall.Origin.STREAM)
    if workspaces is not None:
        calls = calls.filter(workspace__in=list(workspaces))
    return calls.order_by()


def find(now: datetime, workspaces: Iterable[uuid.UUID] | None = None) -> dict[str, Busy]:
    """Return the busy connections by key, of those workspaces or of all; one query."""
    about = ("connection_id", "workspace_id", "connection__provider")
    found = calls_in_flight(now, workspaces).values_list(*about)[:_MOST]
    counts = Counter(found)
    return {str(of[0]): Busy(*of) for of, count in counts.items() if count >= PER_CONNECTION}


def that_hold(runs: list[Run], now: datetime) -> dict[int, Busy]:
    """Return by `pk` the busy connection that the next step of a run uses; at most two queries.

    runs: that could go on if a worker took them up.
    """
    busy = find(now, {run.workspace_id for run in runs}) if runs else {}
    if not busy:
        return {}
    rows = Run.objects.filter(pk__in=[run.pk for run in runs]).select_related("version")
    plans = rows.only("position", "tested", "version", "version__definition")
    return {run.pk: busy[key] for run in plans if (key := run.next_connection) in busy}


@dataclass(frozen=True)
class Step:
    """A step that a due run is at."""

    workspace: uuid.UUID
    version: uuid.UUID
    position: int


def that_wait(steps: Iterable[Step], now: datetime) -> set[Step]:
    """Return the steps whose connection is busy; at most two queries, however many runs are at them."""
    busy = find(now)
    workspaces = {connection.workspace for connection in busy.values()}
    steps = {step for step in steps if step.workspace in workspaces}
    if not steps:
        return set()
    versions = WorkflowVersion.objects.in_bulk({step.version for step in steps})
    return {step for step in steps if connection_of(versions[step.version].steps, step.position) in busy}
