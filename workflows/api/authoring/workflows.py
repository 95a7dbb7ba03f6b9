"""Workflows."""

import uuid
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api import etags
from connections.api.endpoints import TO_ACT, Endpoint
from workflows.authoring import lifecycle
from workflows.models import Trigger, Workflow
from workflows.representations.events_and_calls import WorkflowChange, WorkflowIn, WorkflowOut, WorkflowSaved

_READ_WRITE = {"GET": "workflows:read", "POST": "workflows:write", "PATCH": "workflows:write"}


def _definition(data: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    return {
        name: data.get(name, otherwise.get(name))
        for name in ("conditions", "steps")
        if name in data | otherwise
    }


class Workflows(Endpoint):
    """The workflows of the workspace."""

    required_scopes = _READ_WRITE
    paged = True

    @extend_schema(responses=WorkflowOut(many=True), summary="List workflows")
    def get(self, request: Request) -> Response:
        return self.page(Workflow.objects.select_related("live"), WorkflowOut)

    @extend_schema(request=WorkflowIn, responses={201: WorkflowSaved}, summary="Create a workflow")
    def post(self, request: Request) -> Response:
        data = self.validated(WorkflowIn)
        trigger = self.get_or_404(
            Trigger.objects.filter(deleted_at__isnull=True).select_related("workspace"), pk=data["trigger"]
        )
        with transaction.atomic():
            workflow = lifecycle.create(
                actor=self.actor, trigger=trigger, name=data["name"], definition=_definition(data, {})
            )
            if "max_runs_per_minute" in data:
                lifecycle.set_pace(
                    actor=self.actor, workflow=workflow, max_runs_per_minute=data["max_runs_per_minute"]
                )
            if data["publish"]:
                lifecycle.publish(actor=self.actor, workflow=workflow)
        return Response(WorkflowSaved(workflow).data, status=201)


def tag_of(workflow: Workflow) -> str:
    """The ETag of what can be edited."""
    names = ("name", "draft", "max_runs_per_minute", "status", "live_id")
    return etags.tag_of({name: getattr(workflow, name) for name in names})


class WorkflowDetail(Endpoint):
    """One workflow. Its ETag, sent back as If-Match, prevents overwriting a change made in between."""

    required_scopes = _READ_WRITE
    refusals = (412,)

    def _workflow(self, workflow_id: uuid.UUID) -> Workflow:
        related = Workflow.objects.select_related("live", "trigger", "workspace")
        workflow: Workflow = self.get_or_404(related, pk=workflow_id)
        return workflow

    @extend_schema(responses=WorkflowOut, parameters=[etags.ETAG], summary="Retrieve a workflow")
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow = self._workflow(workflow_id)
        return etags.with_tag(Response(WorkflowOut(workflow).data), tag_of(workflow))

    @extend_schema(
        request=WorkflowChange,
        responses=WorkflowSaved,
        parameters=[etags.IF_MATCH, etags.ETAG],
        summary="Update a workflow: draft, pause, resume, archive",
    )
    def patch(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow, data = self._workflow(workflow_id), self.validated(WorkflowChange)
        with transaction.atomic():
            etags.unchanged(request, workflow, tag_of)
            if {"name", "conditions", "steps"} & set(data):
                lifecycle.change(
                    actor=self.actor,
                    workflow=workflow,
                    name=data.get("name", workflow.name),
                    definition=_definition(data, workflow.draft),
                )
            if "max_runs_per_minute" in data:
                lifecycle.set_pace(
                    actor=self.actor,
                    workflow=workflow,
                    max_runs_per_minute=data["max_runs_per_minute"],
                )
            if "status" in data:
                lifecycle.set_status(actor=self.actor, workflow=workflow, status=data["status"])
        return etags.with_tag(Response(WorkflowSaved(workflow).data), tag_of(workflow))


class PublishWorkflow(Endpoint):
    """Make the draft the live version."""

    required_scope = TO_ACT
    refusals = (412,)

    @extend_schema(
        request=None,
        responses=WorkflowOut,
        parameters=[etags.IF_MATCH, etags.ETAG],
        summary="Publish the draft as the next version",
    )
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        related = Workflow.objects.select_related("live", "trigger", "workspace")
        workflow = self.get_or_404(related, pk=workflow_id)
        with transaction.atomic():
            etags.unchanged(request, workflow, tag_of)
            lifecycle.publish(actor=self.actor, workflow=workflow)
        return etags.with_tag(Response(WorkflowOut(workflow).data), tag_of(workflow))
