"""What people do with workflows: write, publish, pause, archive."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from connections import audit
from connections.actors import Actor
from connections.problems import Problem
from workflows import definitions, doorbell, pace
from workflows.hooks import outbox
from workflows.models import Run, Trigger, Workflow, WorkflowVersion


def create(
    *, actor: Actor, trigger: Trigger, name: str, definition: dict[str, Any], unfinished: bool = False
) -> Workflow:
    """A draft; unfinished: it may have no step yet. Raises ValidationError or Problem for what does not hold."""
    draft = definitions.check(actor=actor, trigger=trigger, definition=definition, unfinished=unfinished)
    with transaction.atomic():
        workflow = Workflow.objects.create(
            workspace=trigger.workspace, trigger=trigger, name=name, draft=draft
        )
        _record(actor, workflow, "workflow.created")
    return workflow


def change(
    *,
    actor: Actor,
    workflow: Workflow,
    name: str,
    definition: dict[str, Any] | None = None,
    unfinished: bool = False,
) -> None:
    """Edit the draft; what is published stays as it is until the next publish. unfinished: it may have no step."""
    workflow.name = name
    if definition is not None:
        workflow.draft = definitions.check(
            actor=actor, trigger=workflow.trigger, definition=definition, unfinished=unfinished
        )
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
            workflow.live = version
            workflow.save(update_fields=["live"])
            _let_run(workflow)
            _record(actor, workflow, "workflow.published", version=version.number)
    except IntegrityError:
        raise Problem("published_meanwhile", "Somebody else has just published it.", status=409) from None
    return version


def set_status(*, actor: Actor, workflow: Workflow, status: str) -> None:
    """Pause, resume (`active`) or archive. Runs held by the safety limit go on, or are cancelled when archived."""
    if status == Workflow.Status.ACTIVE and workflow.live_id is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
    with transaction.atomic():
        if status == Workflow.Status.ACTIVE:
            _let_run(workflow)
        else:
            workflow.status, workflow.pause_reason = status, ""
            workflow.save(update_fields=["status", "pause_reason"])
        if status == Workflow.Status.ARCHIVED:
            _cancel_held(workflow)
        _record(actor, workflow, f"workflow.{status}")


def set_pace(*, actor: Actor, workflow: Workflow, max_runs_per_minute: int) -> None:
    """How many runs may begin within a minute before the workflow is paused for safety."""
    with transaction.atomic():
        workflow.max_runs_per_minute = max_runs_per_minute
        workflow.save(update_fields=["max_runs_per_minute"])
        _record(actor, workflow, "workflow.changed", max_runs_per_minute=max_runs_per_minute)


def _let_run(workflow: Workflow) -> None:
    """Make it active. What the safety limit held goes on, and counts no more."""
    workflow.status, workflow.pause_reason = Workflow.Status.ACTIVE, ""
    workflow.counted_from = timezone.now()
    workflow.save(update_fields=["status", "pause_reason", "counted_from"])
    if pace.let_go(pace.held(workflow)):
        doorbell.ring()


def _cancel_held(workflow: Workflow) -> None:
    error = Problem("cancelled", "The workflow was archived.", status=409).as_error()
    held = list(pace.held(workflow).values_list("pk", flat=True))
    Run.objects.filter(pk__in=held).update(
        status=Run.Status.CANCELLED, pause_reason="", error=error, finished_at=timezone.now()
    )
    outbox.owe_runs(held)


def _record(actor: Actor, workflow: Workflow, action: str, **detail: Any) -> None:
    detail = {"workflow": workflow.name, **detail}
    audit.record(actor, action, workspace=workflow.workspace, target=str(workflow.pk), detail=detail)
