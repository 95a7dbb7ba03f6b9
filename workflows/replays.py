"""Replaying a selection of runs: chosen at once, made in the background a few at a time, to be cancelled meanwhile."""

import time
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from connections import audit, clock
from connections.actors import Actor
from connections.models import Workspace
from connections.problems import Problem
from workflows import doorbell, parked
from workflows.hooks import outbox
from workflows.models import ReplayBatch, Run
from workflows.models.runs import UNFINISHED

log = structlog.get_logger(__name__)

MOST = 500
_AT_ONCE = 20
Status = ReplayBatch.Status


def start(*, actor: Actor, runs: QuerySet[Run], selection: dict[str, Any]) -> ReplayBatch:
    """Have the finished ones of `runs`, all of one workspace, run again; of one event and workflow only one.

    selection: what was asked for, as JSON. Raises Problem: nothing_selected, too_many_selected, many_workspaces,
    insufficient_scope.
    """
    chosen = chosen_of(runs)
    if not chosen:
        raise Problem("nothing_selected", "No finished run is selected.", status=409)
    if len(chosen) > MOST:
        raise Problem(
            "too_many_selected",
            f"More than {MOST} runs are selected. Narrow the selection.",
            status=409,
            detail={"limit": MOST},
        )
    workspaces = Workspace.objects.filter(runs__in=chosen).select_related("account").distinct()[:2]
    if len(workspaces) > 1:
        raise Problem("many_workspaces", "Select runs of one workspace.", status=409)
    actor.require_actions(workspaces[0].account_id)
    with transaction.atomic():
        # Old runs that go at this very moment are either gone now, or kept because they are chosen.
        workspaces[0].take_turns()
        kept = set(Run.objects.filter(pk__in=chosen).values_list("pk", flat=True))
        chosen = [seq for seq in chosen if seq in kept]
        if not chosen:
            raise Problem("nothing_selected", "No finished run is selected.", status=409)
        batch = ReplayBatch.objects.create(
            workspace=workspaces[0], selection=selection, chosen=chosen, started_by=actor.label[:254]
        )
        _record(actor, batch, "replay.started")
        doorbell.ring()
    return batch


def chosen_of(runs: QuerySet[Run]) -> list[int]:
    """`seq` of those that would run again, tests not, oldest first; at most one more than MOST."""
    finished = runs.filter(version__isnull=False).exclude(status__in=UNFINISHED)
    latest = finished.values("workflow", "event").annotate(newest=Max("seq")).order_by("newest")
    return list(latest.values_list("newest", flat=True)[: MOST + 1])


def advance_due(until: float) -> int:
    """Make the runs of batches that are still being made. Answers how many were seen to.

    until: `time.monotonic()` after which nothing new is begun.
    """
    seen_to = 0
    for batch in ReplayBatch.objects.filter(status=Status.MAKING).order_by("created_at")[:_AT_ONCE]:
        if time.monotonic() > until:
            break
        try:
            seen_to += _make_some(batch)
        except Exception:
            # Somebody has just replayed one of these alone, or a fault of ours: the next round tries again, and
            # what else is due does not wait for it.
            log.exception("replay_broke", batch=str(batch.pk))
    return seen_to


def anything_due() -> bool:
    return ReplayBatch.objects.filter(status=Status.MAKING).exists()


def _make_some(batch: ReplayBatch) -> int:
    """The next few, and that they were made, in one transaction; who comes second finds `made` moved on."""
    keys = batch.chosen[batch.made : batch.made + _AT_ONCE]
    made = batch.made + len(keys)
    done = made == len(batch.chosen)
    after = {"status": Status.MADE, "finished_at": clock.now()} if done else {}
    with transaction.atomic():
        ours = ReplayBatch.objects.filter(pk=batch.pk, status=Status.MAKING, made=batch.made)
        if not ours.update(made=made, **after):
            return 0
        runs = Run.objects.filter(pk__in=keys, workflow__live__isnull=False).exclude(
            workflow__status="archived"
        )
        Run.objects.bulk_create(
            [_again(run, batch) for run in runs.select_related("workflow__live").order_by("seq")]
        )
    return len(keys)


def _again(run: Run, batch: ReplayBatch) -> Run:
    same = Run.objects.filter(workflow=run.workflow_id, event=run.event_id)
    latest = same.aggregate(latest=Max("replay"))["latest"] or 0
    return Run(
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version=run.workflow.live,
        event_id=run.event_id,
        replay=latest + 1,
        lane=run.lane,
        batch=batch,
    )


def cancel(*, actor: Actor, batch: ReplayBatch) -> None:
    """Make no more of its runs, and stop those that are not at work right now. Raises Problem (replay_over)."""
    now = clock.now()
    error = Problem("cancelled", "The replay was cancelled.", status=409).as_error()
    with transaction.atomic():
        open_ = ReplayBatch.objects.filter(pk=batch.pk).exclude(status=Status.CANCELLED)
        idle = Run.objects.filter(batch=batch, status__in=UNFINISHED).exclude(status=Run.Status.RUNNING)
        if (batch.status == Status.MADE and not idle.exists()) or not open_.update(
            status=Status.CANCELLED, finished_at=now
        ):
            raise Problem("replay_over", "This replay is over.", status=409)
        idle.update(
            status=Run.Status.CANCELLED, pause_reason="", blocked_on=None, error=error, finished_at=now
        )
        stopped = list(Run.objects.filter(batch=batch, status=Run.Status.CANCELLED, finished_at=now))
        parked.close_steps(stopped, error)
        outbox.owe_runs(run.pk for run in stopped)
        _record(actor, batch, "replay.cancelled")
        doorbell.ring()


def progress(batch: ReplayBatch) -> dict[str, int]:
    """How many of its new runs are in which state; one query."""
    counted = Run.objects.filter(batch=batch).values_list("status").annotate(Count("pk")).order_by()
    return dict(counted)


def _record(actor: Actor, batch: ReplayBatch, action: str) -> None:
    detail = {"runs": len(batch.chosen), "selection": batch.selection}
    audit.record(actor, action, workspace=batch.workspace, target=str(batch.pk), detail=detail)
