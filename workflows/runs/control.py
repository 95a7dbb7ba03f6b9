"""Actions on runs: pause, resume, cancel."""

from django.db import transaction

from connections import audit
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows.models import ActionCall, Run
from workflows.models.runs import UNFINISHED
from workflows.outgoing import outbox
from workflows.queue import wakeup
from workflows.runs import parking


def cancel(*, actor: Actor, run: Run) -> None:
    """Stop a run that is not being worked on at this moment; its waiting call is cancelled with it."""
    now = clock.now()
    with transaction.atomic():
        idle = Run.objects.filter(pk=run.pk, status__in=UNFINISHED).exclude(status=Run.Status.RUNNING)
        if not idle.update(status=Run.Status.CANCELLED, blocked_on=None, pause_reason="", finished_at=now):
            raise Problem("run_not_idle", "This run has finished or is running.", status=409)
        parking.close_steps([run], Problem("cancelled", "The run was cancelled.", status=409).as_error())
        outbox.owe_runs([run.pk])
        _record(actor, run, "run.cancelled")
        wakeup.wake_workers()


def pause(*, actor: Actor, run: Run) -> None:
    """Hold a run that is not being worked on at this moment; later runs of its incident wait behind it."""
    with transaction.atomic():
        idle = Run.objects.filter(pk=run.pk, status__in=[Run.Status.PENDING, Run.Status.WAITING])
        if not idle.update(status=Run.Status.PAUSED, pause_reason=Run.PauseReason.PERSON):
            raise Problem("run_not_idle", "This run has finished, is paused or is running.", status=409)
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
                "This run is waiting for its connection and resumes automatically once it is reconnected.",
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
        wakeup.wake_workers()


def _record(actor: Actor, run: Run, action: str) -> None:
    workflow = run.workflow
    audit.record(
        actor,
        action,
        workspace=workflow.workspace,
        target=str(workflow.pk),
        detail={"workflow": workflow.name, "run": str(run.id)},
    )
