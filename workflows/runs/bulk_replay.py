"""Bulk replay: run a selection of ended runs again, a few at a time in the background, until done or cancelled.

One run alone is run again by workflows.runs.replay.
"""

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from connections import audit
from connections.models import Workspace
from connections.tenancy.actor import Actor
from core.db import clock
from core.db.literals import literally
from core.errors import Problem
from workflows.models import ReplayBatch, Run
from workflows.models.runs import UNFINISHED
from workflows.outgoing import outbox
from workflows.queue import wakeup
from workflows.runs import parking, replay

log = structlog.get_logger(__name__)

MOST = 500
_AT_ONCE = 20
Status = ReplayBatch.Status


def start(
    *, actor: Actor, runs: QuerySet[Run], selection: dict[str, Any], begin_at: str = ""
) -> list[ReplayBatch]:
    """Have the finished ones of `runs` run again; of one event and workflow only one. A batch for each workspace.

    selection: what was asked for, as JSON. begin_at: as `replay.replay`; "failed_step" leaves the others out.
    Raises Problem: nothing_selected, too_many_selected, insufficient_scope.
    """
    chosen = chosen_of(runs, begin_at)
    if len(chosen) > MOST:
        raise Problem(
            "too_many_selected",
            f"More than {MOST} runs are selected. Add filters to reduce the selection.",
            status=409,
            detail={"limit": MOST},
        )
    batches: list[ReplayBatch] = []
    with transaction.atomic():
        workspaces = Workspace.objects.filter(runs__in=chosen).select_related("account").distinct()
        for workspace in workspaces.order_by("pk"):
            actor.require_actions(workspace.account_id)
            # Old runs that go at this very moment are either gone now, or kept because they are chosen.
            workspace.take_turns()
            kept = set(Run.objects.filter(pk__in=chosen, workspace=workspace).values_list("pk", flat=True))
            if not kept:
                continue
            batch = ReplayBatch.objects.create(
                workspace=workspace,
                group=batches[0].pk if batches else None,
                begin_at=begin_at,
                selection=selection,
                chosen=[seq for seq in chosen if seq in kept],
                started_by=actor.label[:254],
            )
            batches.append(batch)
            _record(actor, batch, "replay.started")
        if not batches:
            raise Problem("nothing_selected", "No finished runs selected.", status=409)
        wakeup.wake_workers()
    return batches


def chosen_of(runs: QuerySet[Run], begin_at: str = "") -> list[int]:
    """`seq` of those that would run again, oldest first, without tests and runs on test events; at most MOST + 1.

    Where only what failed would be done, those are left out whose work a later run of their event took up.
    """
    finished = runs.filter(version__isnull=False, event__is_test=False).exclude(status__in=UNFINISHED)
    if begin_at != Run.ReplayFrom.START:
        finished = replay.not_overtaken(finished)
    if begin_at == Run.ReplayFrom.FAILED_STEP:
        finished = replay.with_failed_step(finished)
    latest = finished.values("workflow", "event").annotate(newest=Max("seq")).order_by("newest")
    return list(latest.values_list("newest", flat=True)[: MOST + 1])


def advance_due(until: float) -> int:
    """Make the runs of batches that are still being made. Return how many were seen to.

    until: `time.monotonic()` after which nothing new is begun.
    """
    seen_to = 0
    for batch in being_made().select_related("workspace").order_by("created_at")[:_AT_ONCE]:
        if time.monotonic() > until:
            break
        try:
            seen_to += _make_some(batch)
        except Exception:
            # A person has just replayed one of these alone, or a fault of ours: the next round tries again, and
            # what else is due does not wait for it.
            log.exception("replay_broke", batch=str(batch.pk))
    return seen_to


def being_made() -> QuerySet[ReplayBatch]:
    """Return the batches that are still being made."""
    return ReplayBatch.objects.filter(literally("workflows_replaybatch", "status", ["making"]))


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
        batch.workspace.take_turns()
        runs = Run.objects.filter(pk__in=keys).select_related("version", "workflow__live").order_by("seq")
        for run in runs:
            _make(run, batch)
    return len(keys)


def _make(run: Run, batch: ReplayBatch) -> None:
    """The new run, unless it could not do its work: then there is none, and `skipped` counts it."""
    begin_at = batch.begin_at or replay.usual(run)
    run, made = replay.as_far(run, begin_at)
    with suppress(Problem):
        if not made:
            replay.write(replay.prepare(run, begin_at, batch))


def group_of(rows: QuerySet[ReplayBatch], key: uuid.UUID) -> list[ReplayBatch]:
    """The `rows` of one selection, whose first batch is `key`."""
    of_group = rows.filter(Q(pk=key) | Q(group=key)).select_related("workspace__account")
    return list(of_group.order_by("workspace__name", "pk"))


def key_of(batch: ReplayBatch) -> uuid.UUID:
    """By which the batches of its selection are found."""
    return batch.group or batch.pk


def cancel(*, actor: Actor, batches: list[ReplayBatch]) -> None:
    """Make no more of their runs, and stop those that are not at work right now. Raises Problem (replay_over)."""
    with transaction.atomic():
        stopped = [batch for batch in batches if _cancel(batch)]
        if not stopped:
            raise Problem("replay_over", "This replay is over.", status=409)
        for batch in stopped:
            _record(actor, batch, "replay.cancelled")
        wakeup.wake_workers()


def _cancel(batch: ReplayBatch) -> bool:
    now = clock.now()
    error = Problem("cancelled", "The replay was cancelled.", status=409).as_error()
    open_ = ReplayBatch.objects.filter(pk=batch.pk).exclude(status=Status.CANCELLED)
    idle = Run.objects.filter(batch=batch, status__in=UNFINISHED).exclude(status=Run.Status.RUNNING)
    if (batch.status == Status.MADE and not idle.exists()) or not open_.update(
        status=Status.CANCELLED, finished_at=now
    ):
        return False
    idle.update(status=Run.Status.CANCELLED, pause_reason="", blocked_on=None, error=error, finished_at=now)
    stopped = list(Run.objects.filter(batch=batch, status=Run.Status.CANCELLED, finished_at=now))
    parking.close_steps(stopped, error)
    outbox.owe_runs(run.pk for run in stopped)
    return True


@dataclass(frozen=True)
class Progress:
    """The progress of one selection's batches. made: how many of `total` have been seen to; skipped: how many of
    them could not run again; runs: how many new runs are in which state.
    """

    total: int
    made: int
    runs: dict[str, int]
    cancelled: bool
    open: bool

    @property
    def skipped(self) -> int:
        return self.made - sum(self.runs.values())

    @property
    def status(self) -> str:
        return "cancelled" if self.cancelled else "running" if self.open else "completed"


def progress(batches: list[ReplayBatch]) -> Progress:
    """One query."""
    counted = Run.objects.filter(batch__in=batches).values_list("status").annotate(Count("pk")).order_by()
    runs = dict(counted)
    making = any(batch.status == Status.MAKING for batch in batches)
    cancelled = all(batch.status == Status.CANCELLED for batch in batches)
    return Progress(
        total=sum(len(batch.chosen) for batch in batches),
        made=sum(batch.made for batch in batches),
        runs=runs,
        cancelled=cancelled,
        open=not cancelled and (making or bool(set(UNFINISHED) & set(runs))),
    )


def _record(actor: Actor, batch: ReplayBatch, action: str) -> None:
    detail = {"runs": len(batch.chosen), "selection": batch.selection}
    audit.record(actor, action, workspace=batch.workspace, target=str(batch.pk), detail=detail)
