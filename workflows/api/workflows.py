"""Workflows and runs."""

import uuid
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from workflows import authoring
from workflows.api.serializers import RunDetail, RunOut, WorkflowChange, WorkflowIn, WorkflowOut
from workflows.models import Run, Trigger, Workflow

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

    @extend_schema(responses=WorkflowOut(many=True), summary="List workflows")
    def get(self, request: Request) -> Response:
        return self.page(Workflow.objects.select_related("live"), WorkflowOut)

    @extend_schema(request=WorkflowIn, responses={201: WorkflowOut}, summary="Create a workflow")
    def post(self, request: Request) -> Response:
        data = self.validated(WorkflowIn)
        trigger = self.get_or_404(
            Trigger.objects.filter(deleted_at__isnull=True).select_related("workspace"), pk=data["trigger"]
        )
        with transaction.atomic():
            workflow = authoring.create(
                actor=self.actor, trigger=trigger, name=data["name"], definition=_definition(data, {})
            )
            if data["publish"]:
                authoring.publish(actor=self.actor, workflow=workflow)
        return Response(WorkflowOut(workflow).data, status=201)


class WorkflowDetail(Endpoint):
    """One workflow."""

    required_scopes = _READ_WRITE

    def _workflow(self, workflow_id: uuid.UUID) -> Workflow:
        related = Workflow.objects.select_related("live", "trigger", "workspace")
        workflow: Workflow = self.get_or_404(related, pk=workflow_id)
        return workflow

    @extend_schema(responses=WorkflowOut, summary="Look at a workflow")
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        return Response(WorkflowOut(self._workflow(workflow_id)).data)

    @extend_schema(
        request=WorkflowChange, responses=WorkflowOut, summary="Edit the draft, pause, resume, archive"
    )
    def patch(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow, data = self._workflow(workflow_id), self.validated(WorkflowChange)
        with transaction.atomic():
            if {"name", "conditions", "steps"} & set(data):
                authoring.change(
                    actor=self.actor,
                    workflow=workflow,
                    name=data.get("name", workflow.name),
                    definition=_definition(data, workflow.draft),
                )
            if "status" in data:
                authoring.set_status(actor=self.actor, workflow=workflow, status=data["status"])
        return Response(WorkflowOut(workflow).data)


class PublishWorkflow(Endpoint):
    """The draft becomes what runs."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses=WorkflowOut, summary="Publish the draft as the next version")
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        related = Workflow.objects.select_related("live", "trigger", "workspace")
        workflow = self.get_or_404(related, pk=workflow_id)
        authoring.publish(actor=self.actor, workflow=workflow)
        return Response(WorkflowOut(workflow).data)


class Runs(Endpoint):
    """The runs of the workspace, newest first."""

    required_scope = "workflows:read"

    @extend_schema(
        responses=RunOut(many=True),
        parameters=[
            OpenApiParameter("workflow", uuid.UUID),
            OpenApiParameter("status", str, enum=list(Run.Status.values)),
            OpenApiParameter("lane", str, description="An incident's id"),
        ],
        summary="List runs",
    )
    def get(self, request: Request) -> Response:
        runs = Run.objects.select_related("version", "event")
        if workflow := self.uuid_parameter("workflow"):
            runs = runs.filter(workflow=self.get_or_404(Workflow.objects.all(), pk=workflow))
        runs = runs.filter(
            **self.choice_parameter("status", Run.Status.values), **self.text_parameter("lane")
        )
        return self.page(runs, RunOut, ordering=("-seq",))


class RunPage(Endpoint):
    """One run with its steps."""

    required_scope = "workflows:read"

    @extend_schema(responses=RunDetail, summary="Look at a run")
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        runs = Run.objects.select_related("version", "event").prefetch_related("steps__call")
        return Response(RunDetail(self.get_or_404(runs, id=run_id)).data)


class ReplayRun(Endpoint):
    """The same event once more."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses={201: RunOut}, summary="Run the same event again")
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        related = Run.objects.select_related("workflow__live", "workflow__workspace")
        again = authoring.replay(actor=self.actor, run=self.get_or_404(related, id=run_id))
        return Response(RunOut(again).data, status=201)


class CancelRun(Endpoint):
    """Stop a run that waits or is paused."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses=RunOut, summary="Cancel a run")
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        related = Run.objects.select_related("workflow__workspace", "version", "event")
        run = self.get_or_404(related, id=run_id)
        authoring.cancel(actor=self.actor, run=run)
        run.refresh_from_db()
        return Response(RunOut(run).data)
