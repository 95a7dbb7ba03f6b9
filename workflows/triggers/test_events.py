"""Test events: one workflow that a person lets run on one. By itself a test event starts nothing."""

import copy

from django.db import IntegrityError, transaction

from connections.tenancy.actor import Actor
from core.errors import Problem, not_found
from workflows.authoring import dry_run, lifecycle
from workflows.authoring.dry_run import Rehearsal
from workflows.conditions import evaluate
from workflows.inbox import events
from workflows.models import Event, Run, Workflow
from workflows.queue import wakeup


def start(*, actor: Actor, event: Event, workflow: Workflow) -> Run:
    """Let the published version of `workflow` run on a test event of its trigger; asked for twice, it is one run.

    Raises Problem (insufficient_scope, not_a_test, not_found, not_published, workflow_not_active,
    conditions_do_not_hold).
    """
    actor.require_actions(workflow.workspace.account_id)
    _check(event, workflow)
    with transaction.atomic():
        try:
            with transaction.atomic():
                run = Run.objects.create(
                    workspace_id=workflow.workspace_id,
                    workflow=workflow,
                    version=workflow.live,
                    event=event,
                    lane=event.lane,
                )
        except IntegrityError:
            return Run.objects.get(workflow=workflow, event=event, replay=0, version__isnull=False)
        lifecycle.record(actor, workflow, "workflow.ran_on_test", run=str(run.id), event=event.external_id)
        wakeup.wake_workers()
    return run


def _check(event: Event, workflow: Workflow) -> None:
    if not event.is_test:
        raise Problem("not_a_test", "Only a test event can be run on a workflow of your choice.", status=409)
    if workflow.trigger_id != event.trigger_id:
        raise not_found()
    if workflow.live is None:
        raise Problem("not_published", "Publish this workflow first.", status=409)
    if workflow.status != Workflow.Status.ACTIVE:
        raise Problem(
            "workflow_not_active", f"This workflow is {workflow.status}: resume it first.", status=409
        )
    if not evaluate.hold(workflow.live.definition["conditions"], events.fields_of(event)):
        raise Problem(
            "conditions_do_not_hold",
            "Not run: the test event doesn’t match the filter.",
            status=409,
        )


def rehearse(workflow: Workflow, event: Event) -> Rehearsal:
    """Run the published version on the event without sending anything. Needs `live`."""
    published = copy.copy(workflow)
    published.draft = workflow.live.definition if workflow.live else {"conditions": {}, "steps": []}
    return dry_run.rehearse(published, event)
