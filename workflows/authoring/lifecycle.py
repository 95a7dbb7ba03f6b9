"""The lifecycle of workflows: write, publish, pause, archive."""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from rest_framework.serializers import ValidationError

from connections import audit
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows.authoring import validation
from workflows.models import Trigger, Workflow, WorkflowVersion
from workflows.queue import wakeup
from workflows.runs import safety_limit


def create(
    *, actor: Actor, trigger: Trigger, name: str, definition: dict[str, Any], unfinished: bool = False
) -> Workflow:
    """A draft; unfinished: it may have no step yet. Raises ValidationError or Problem for what does not hold."""
    draft = validation.check(actor=actor, trigger=trigger, definition=definition, unfinished=unfinished)
    with transaction.atomic():
        workflow = Workflow.objects.create(
            workspace=trigger.workspace, trigger=trigger, name=name, draft=draft
        )
        record(actor, workflow, "workflow.created")
    return workflow


def change(*, actor: Actor, workflow: Workflow, name: str, definition: dict[str, Any] | None = None) -> None:
    """Edit the draft; what is published stays as it is until the next publish. Raises as `create`."""
    workflow.name = name
    fields = ["name"]
    if definition is not None:
        workflow.draft = validation.check(actor=actor, trigger=workflow.trigger, definition=definition)
        fields.append("draft")
    with transaction.atomic():
        workflow.save(update_fields=fields)
        record(actor, workflow, "workflow.changed")


def edit(
    *,
    actor: Actor,
    workflow: Workflow,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    refuse: Callable[[Any], bool],
) -> None:
    """Change a part of the draft as it is now, so that two people do not undo each other's parts.

    What else does not hold can be mended later: `publish` checks all of it. refuse(detail of the ValidationError):
    whether it is about this part. Raises that ValidationError, or Problem as `create`.
    """
    with transaction.atomic():
        fresh = Workflow.objects.select_for_update().get(pk=workflow.pk)
        changed = change(fresh.draft)
        try:
            changed = validation.check(
                actor=actor, trigger=workflow.trigger, definition=changed, unfinished=True
            )
        except ValidationError as error:
            if refuse(error.detail):
                raise
        workflow.draft = changed
        workflow.save(update_fields=["draft"])
        record(actor, workflow, "workflow.changed")


def faults_of(*, actor: Actor, workflow: Workflow) -> Any:
    """The faults that prevent publishing, as the ValidationError's detail; {} for none."""
    try:
        validation.check(actor=actor, trigger=workflow.trigger, definition=workflow.draft, unfinished=True)
    except ValidationError as error:
        return error.detail
    return {}


def ready(*, actor: Actor, workflow: Workflow) -> dict[str, Any]:
    """The draft, which that actor may let run. Raises ValidationError or Problem as `create`; Problem (archived)."""
    if workflow.status == Workflow.Status.ARCHIVED:
        raise Problem("archived", "This workflow is archived: resume it first.", status=409)
    definition = validation.check(actor=actor, trigger=workflow.trigger, definition=workflow.draft)
    actor.require_actions(workflow.workspace.account_id)
    _check_alive(workflow, definition)
    return definition


def publish(*, actor: Actor, workflow: Workflow) -> WorkflowVersion:
    """Make the draft the next version and let it run. Raises as `ready`."""
    definition = ready(actor=actor, workflow=workflow)
    try:
        with transaction.atomic():
            latest = workflow.versions.aggregate(latest=Max("number"))["latest"] or 0
            version = WorkflowVersion.objects.create(
                workflow=workflow, number=latest + 1, definition=definition, published_by_id=actor.user_id
            )
            workflow.live = version
            workflow.save(update_fields=["live"])
            _let_run(workflow)
            record(actor, workflow, "workflow.published", version=version.number)
    except IntegrityError:
        raise Problem(
            "published_meanwhile", "Someone else just published this workflow. Reload.", status=409
        ) from None
    return version


def set_status(*, actor: Actor, workflow: Workflow, status: str) -> None:
    """Pause, resume (`active`) or archive. Runs held by the safety limit go on, or are cancelled when archived.

    Raises Problem (not_published, trigger_deleted, insufficient_scope).
    """
    if status == Workflow.Status.ACTIVE:
        actor.require_actions(workflow.workspace.account_id)
    if status == Workflow.Status.ACTIVE and workflow.live_id is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
    if status == Workflow.Status.ACTIVE:
        _check_trigger(workflow)
    with transaction.atomic():
        if status == Workflow.Status.ACTIVE:
            _let_run(workflow)
        else:
            workflow.status, workflow.pause_reason = status, ""
            workflow.save(update_fields=["status", "pause_reason"])
        if status == Workflow.Status.ARCHIVED:
            safety_limit.cancel(safety_limit.held(workflow), safety_limit.archived_error())
        record(actor, workflow, f"workflow.{status}")


def set_pace(*, actor: Actor, workflow: Workflow, max_runs_per_minute: int) -> None:
    """Set the safety limit: the runs a minute beyond which the workflow is paused."""
    with transaction.atomic():
        workflow.max_runs_per_minute = max_runs_per_minute
        workflow.save(update_fields=["max_runs_per_minute"])
        record(actor, workflow, "workflow.changed", max_runs_per_minute=max_runs_per_minute)


def _let_run(workflow: Workflow) -> None:
    """Make it active. What the safety limit held goes on, and counts no more."""
    workflow.status, workflow.pause_reason = Workflow.Status.ACTIVE, ""
    workflow.counted_from = clock.now()
    workflow.save(update_fields=["status", "pause_reason", "counted_from"])
    if safety_limit.let_go(safety_limit.held(workflow)):
        wakeup.wake_workers()


def _check_trigger(workflow: Workflow) -> None:
    if workflow.trigger.deleted_at is not None:
        raise Problem("trigger_deleted", "The trigger of this workflow was deleted.", status=409)


def _check_alive(workflow: Workflow, definition: dict[str, Any]) -> None:
    """Check that trigger and connections still exist. Raises Problem (trigger_deleted, connection_revoked)."""
    _check_trigger(workflow)
    used = {step["connection"] for step in definition["steps"]}
    revoked = Connection.objects.filter(pk__in=used, status=Connection.Status.REVOKED).first()
    if revoked is not None:
        raise Problem(
            "connection_revoked",
            f"{revoked.label} was revoked: choose another connection for its steps.",
            status=409,
        )


def record(actor: Actor, workflow: Workflow, action: str, **detail: Any) -> None:
    """One audit event that names the workflow as it is called at the time."""
    detail = {"workflow": workflow.name, **detail}
    audit.record(actor, action, workspace=workflow.workspace, target=str(workflow.pk), detail=detail)
