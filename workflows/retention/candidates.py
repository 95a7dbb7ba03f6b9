"""Retention candidates: finished rows of each kind, older than the cut-off and needed by nothing unfinished."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from connections import retention_periods
from connections.models import Connection, Workspace
from core.db import clock
from workflows.models import ActionCall, Event, Hook, HookDelivery, ReplayBatch, Run, StepRun

_ENDED = ["completed", "failed", "cancelled"]
# A dead letter may be sent again, and needs what it tells of; workflows.outgoing.log_retention ends its time.
_OWED = ["waiting", "dead"]
Rows = QuerySet[Any]


def _deliveries(workspace: Workspace, cutoff: datetime) -> Rows:
    return HookDelivery.objects.filter(
        hook__in=Hook.objects.filter(workspace=workspace),
        status__in=["delivered", "cancelled"],
        created_at__lt=cutoff,
        finished_at__lt=cutoff,
    )


def _runs(workspace: Workspace, cutoff: datetime) -> Rows:
    """Finished ones, unless a call of theirs is at work, a hook is owed them, or a replay awaits them.

    What was retried stays as long as its retry, which keeps its outputs and looks for what it may have done.
    """
    at_work = StepRun.objects.filter(run=OuterRef("pk"), call__isnull=False).exclude(call__status__in=_ENDED)
    owed = HookDelivery.objects.filter(run=OuterRef("pk"), status__in=_OWED)
    making = ReplayBatch.objects.filter(workspace=workspace, status=ReplayBatch.Status.MAKING)
    awaited = [seq for batch in making for seq in batch.chosen[batch.made :]]
    old = Run.objects.filter(
        workspace=workspace, status__in=_ENDED, created_at__lt=cutoff, finished_at__lt=cutoff
    )
    retried = Run.objects.filter(replay_of=OuterRef("pk"), replay_from=Run.ReplayFrom.FAILED_STEP)
    return old.filter(~Exists(at_work), ~Exists(owed), ~Exists(retried)).exclude(pk__in=awaited)


def _calls(workspace: Workspace, cutoff: datetime) -> Rows:
    """Finished ones outside any run; what a repeated request still has to find stays for its time."""
    repeated = min(cutoff, clock.now() - retention_periods.IDEMPOTENT_CALLS)
    return ActionCall.objects.filter(
        Q(idempotency_key__isnull=True) | Q(created_at__lt=repeated),
        ~Exists(StepRun.objects.filter(call=OuterRef("pk"))),
        connection__in=Connection.objects.filter(workspace=workspace),
        status__in=_ENDED,
        created_at__lt=cutoff,
        finished_at__lt=cutoff,
    )


def _events(workspace: Workspace, cutoff: datetime) -> Rows:
    """Return events without a worker, a run, or a pending outgoing message."""
    return Event.objects.filter(
        ~Exists(Run.objects.filter(event=OuterRef("pk"))),
        ~Exists(HookDelivery.objects.filter(event=OuterRef("pk"), status__in=_OWED)),
        workspace=workspace,
        status__in=["done", "ignored", "filtered", "failed"],
        received_at__lt=cutoff,
    )


def _replays(workspace: Workspace, cutoff: datetime) -> Rows:
    return ReplayBatch.objects.filter(
        ~Exists(Run.objects.filter(batch=OuterRef("pk"))),
        workspace=workspace,
        status__in=["made", "cancelled"],
        created_at__lt=cutoff,
        finished_at__lt=cutoff,
    )


def delete(rows: Rows) -> Counter[str]:
    """Delete the rows without reading payloads and responses, which can be long."""
    return Counter(rows.only("pk").delete()[1])


def _delete_runs(rows: Rows) -> Counter[str]:
    """With their steps, and the calls behind those."""
    keys = list(rows.values_list("pk", flat=True))
    steps = StepRun.objects.filter(run__in=keys, call__isnull=False)
    calls = list(steps.values_list("call", flat=True))
    return delete(Run.objects.filter(pk__in=keys)) + delete(ActionCall.objects.filter(pk__in=calls))


@dataclass(frozen=True)
class Kind:
    """One kind of rows. delete(rows) → how many of each model went."""

    rows: Callable[[Workspace, datetime], Rows]
    order: str
    delete: Callable[[Rows], Counter[str]] = delete


# What refers to a row goes before that row.
KINDS = (
    Kind(_deliveries, "seq"),
    Kind(_runs, "seq", _delete_runs),
    Kind(_calls, "created_at"),
    Kind(_events, "seq"),
    Kind(_replays, "created_at"),
)
