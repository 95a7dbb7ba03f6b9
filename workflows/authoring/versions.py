"""Versions of a workflow: restore one, take one into the draft, make a copy."""

from django.db import transaction
from rest_framework.serializers import ValidationError

from connections.tenancy.actor import Actor
from core.errors import Problem
from workflows.authoring import lifecycle
from workflows.models import Workflow, WorkflowVersion

_LONGEST_NAME = 120
_COPY = " (copy)"


def roll_back(*, actor: Actor, workflow: Workflow, version: WorkflowVersion) -> WorkflowVersion:
    """Publish what that version says as the next one; the draft becomes the same. Runs keep theirs.

    Raises ValidationError or Problem, and changes nothing, when what it works with is not there any more.
    """
    try:
        with transaction.atomic():
            take_into_draft(actor=actor, workflow=workflow, version=version)
            made = lifecycle.publish(actor=actor, workflow=workflow)
            lifecycle.record(actor, workflow, "workflow.rolled_back", to=version.number, version=made.number)
    except (ValidationError, Problem):
        workflow.refresh_from_db()
        raise
    return made


def take_into_draft(*, actor: Actor, workflow: Workflow, version: WorkflowVersion) -> None:
    """The draft becomes what that version says, also where it could not be published as it is."""
    lifecycle.edit(
        actor=actor, workflow=workflow, change=lambda draft: version.definition, refuse=lambda detail: False
    )


def duplicate(*, actor: Actor, workflow: Workflow) -> Workflow:
    """A draft of its own that says the same as the draft of `workflow`, on the same trigger."""
    name = workflow.name[: _LONGEST_NAME - len(_COPY)] + _COPY
    with transaction.atomic():
        copy = Workflow.objects.create(
            workspace=workflow.workspace,
            trigger=workflow.trigger,
            name=name,
            draft=workflow.draft,
            max_runs_per_minute=workflow.max_runs_per_minute,
        )
        lifecycle.record(actor, copy, "workflow.created", copy_of=str(workflow.pk))
    return copy
