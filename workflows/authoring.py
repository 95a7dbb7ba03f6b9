"""What people do with workflows and runs: write, publish, pause, archive, replay, cancel."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from connections import audit
from connections.actors import Actor
from connections.problems import Problem
from workflows import definitions, doorbell, parked
from workflows.hooks import outbox
from workflows.models import Run, Trigger, Workflow, WorkflowVersion
from workflows.models.runs import UNFINISHED


def create(*, actor: Actor, trigger: Trigger, name: str, definition: dict[str, Any]) -> Workflow:
    """A draft. Raises ValidationError or Problem when the definition does not hold."""
    draft = definitions.check(actor=actor, trigger=trigger, definition=definition)
    with transaction.atomic():
        workflow = Workflow.objects.create(
            workspace=trigger.workspace, trigger=trigger, name=name, draft=draft
        )
        _record(actor, workflow, "workflow.created")
    return workflow


def change(*, actor: Actor, workflow: Workflow, name: str, definition: dict[str, Any] | None) -> None:
    """Edit the draft; what is published stays as it is until the next publish."""
    workflow.name = name
    if definition is not None:
        workflow.draft = definitions.check(actor=actor, trigger=workflow.trigger, definition=definition)
    with transaction.atomic():
        workflow.save(update_fields=["name", "draft"])
        _record(actor, workflow, "workflow.changed")


def publish(*, actor: Actor, workflow: Workflow) -> WorkflowVersion:
    """Make the draft the next version and let it run. Raises ValidationError or Problem as `create`."""
    definition = definitions.check(actor=actor, trigger=workflow.trigger, definition=workflow.draft)
    if not actor.may("actions:run", workflow.workspace.account_id):
        raise Problem(
            "insufficient_scope",
            "Publishing lets actions run: this needs the scope actions:run.",
            status=403,
            detail={"scope": "actions:run"},
        )
    if workflow.trigger.deleted_at is not None:
        raise Problem("trigger_deleted", "The trigger of this workflow was deleted.", status=409)
    try:
        with transaction.atomic():
            latest = workflow.versions.aggregate(latest=Max("number"))["latest"] or 0
            version = WorkflowVersion.objects.create(
                workflow=workflow, number=latest + 1, definition=definition, published_by_id=actor.user_id
            )
            workflow.live, workflow.status = version, Workflow.Status.ACTIVE
            workflow.save(update_fields=["live", "status"])
            _record(actor, workflow, "workflow.published", version=version.number)
    except IntegrityError:
        raise Problem("published_meanwhile", "Somebody else has just published it.", status=409) from None
    return version


def set_status(*, actor: Actor, workflow: Workflow, status: str) -> None:
    """Pause, resume (`active`) or archive."""
    if status == Workflow.Status.ACTIVE and workflow.live_id is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
    with transaction.atomic():
        workflow.status = status
        workflow.save(update_fields=["status"])
        _record(actor, workflow, f"workflow.{status}")


def replay(*, actor: Actor, run: Run) -> Run:
    """Run the same event again, with the version that is live now."""
    workflow = run.workflow
    if workflow.live is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
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
            _record(actor, workflow, "run.replayed", run=str(run.id), as_run=str(again.id))
            doorbell.ring()
    except IntegrityError:
        raise Problem("replayed_meanwhile", "Somebody else has just replayed it.", status=409) from None
    return again


def cancel(*, actor: Actor, run: Run) -> None:
    """Stop a run that is not being worked on at this moment; its waiting call is cancelled with it."""
    now = timezone.now()
    with transaction.atomic():
        idle = Run.objects.filter(pk=run.pk, status__in=UNFINISHED).exclude(status=Run.Status.RUNNING)
        if not idle.update(status=Run.Status.CANCELLED, blocked_on=None, finished_at=now):
            raise Problem("run_not_idle", "This run is finished, or at work right now.", status=409)
        parked.close_steps([run], Problem("cancelled", "The run was cancelled.", status=409).as_error())
        outbox.owe_runs([run.pk])
        _record(actor, run.workflow, "run.cancelled", run=str(run.id))
        doorbell.ring()


def _record(actor: Actor, workflow: Workflow, action: str, **detail: Any) -> None:
    detail = {"workflow": workflow.name, **detail}
    audit.record(actor, action, workspace=workflow.workspace, target=str(workflow.pk), detail=detail)
