"""What people do with runs: replay, pause, resume, cancel."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from connections import audit, clock
from connections.actors import Actor
from connections.problems import Problem
from workflows import doorbell, parked
from workflows.hooks import outbox
from workflows.models import ActionCall, Run, Workflow
from workflows.models.runs import UNFINISHED


def replay(*, actor: Actor, run: Run) -> Run:
    """Run the same event again, with the version that is live now: a person's act, so no longer part of a chain."""
    workflow = run.workflow
    actor.require_actions(workflow.workspace.account_id)
    if run.is_test:
        raise Problem("is_test", "This was a test of a draft: test the draft again instead.", status=409)
    if workflow.live is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
    if workflow.status == Workflow.Status.ARCHIVED:
        raise Problem("archived", "This workflow is archived: resume it first.", status=409)
    same = Run.objects.filter(workflow=workflow, event=run.event_id)
    try:
        with transaction.atomic():
            latest = same.aggregate(latest=Max("replay"))["latest"] or 0
            again = Run.objects.create(
                workspace_id=run.workspace_id,
                workflow=workflow,
                version=workflow.live,
                event_id=run.event_id,
                replay=latest + 1,
                lane=run.lane,
            )
            _record(actor, run, "run.replayed", as_run=str(again.id))
            doorbell.ring()
    except IntegrityError:
        raise Problem("replayed_meanwhile", "Somebody else has just replayed it.", status=409) from None
    return again


def cancel(*, actor: Actor, run: Run) -> None:
    """Stop a run that is not being worked on at this moment; its waiting call is cancelled with it."""
    now = clock.now()
    with transaction.atomic():
        idle = Run.objects.filter(pk=run.pk, status__in=UNFINISHED).exclude(status=Run.Status.RUNNING)
        if not idle.update(status=Run.Status.CANCELLED, blocked_on=None, pause_reason="", finished_at=now):
            raise Problem("run_not_idle", "This run is finished, or at work right now.", status=409)
        parked.close_steps([run], Problem("cancelled", "The run was cancelled.", status=409).as_error())
        outbox.owe_runs([run.pk])
        _record(actor, run, "run.cancelled")
        doorbell.ring()


def pause(*, actor: Actor, run: Run) -> None:
    """Hold a run that is not being worked on at this moment; later runs of its incident wait behind it."""
    with transaction.atomic():
        idle = Run.objects.filter(pk=run.pk, status__in=[Run.Status.PENDING, Run.Status.WAITING])
        if not idle.update(status=Run.Status.PAUSED, pause_reason=Run.PauseReason.PERSON):
            raise Problem("run_not_idle", "This run is finished, paused, or at work right now.", status=409)
        _record(actor, run, "run.paused")


def resume(*, actor: Actor, run: Run) -> None:
    """Let a run go on that a person or the safety limit paused, when its step's next attempt is due.

    Raises Problem where that does not help: run_not_paused, reconnection_needed, insufficient_scope.
    """
    actor.require_actions(run.workflow.workspace.account_id)
    waiting = ActionCall.objects.filter(step_run__run=run, status=ActionCall.Status.WAITING)
    next_attempt = waiting.values_list("next_attempt_at", flat=True).first()
    with transaction.atomic():
        paused = Run.objects.filter(pk=run.pk, status=Run.Status.PAUSED)
        if paused.filter(blocked_on__isnull=False).exists():
            raise Problem(
                "reconnection_needed",
                "This run waits for its connection, and goes on by itself once that is reconnected.",
                status=409,
            )
        if not paused.update(
            status=Run.Status.WAITING if next_attempt else Run.Status.PENDING,
            pause_reason="",
            error=None,
            claims=0,
            due_at=max(next_attempt or clock.now(), clock.now()),
        ):
            raise Problem("run_not_paused", "This run is not paused.", status=409)
        _record(actor, run, "run.resumed")
        doorbell.ring()


def _record(actor: Actor, run: Run, action: str, **detail: Any) -> None:
    workflow = run.workflow
    audit.record(
        actor,
        action,
        workspace=workflow.workspace,
        target=str(workflow.pk),
        detail={"workflow": workflow.name, "run": str(run.id), **detail},
    )
