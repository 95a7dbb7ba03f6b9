"""Versions of workflows, and workflows as files."""

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import TO_ACT, Endpoint
from connections.models import Connection
from core.errors import not_found
from workflows.authoring import diff as differences
from workflows.authoring import import_export, versions
from workflows.catalog.schemas import ActionInput
from workflows.models import Trigger, Workflow, WorkflowVersion
from workflows.representations.events_and_calls import WorkflowOut

_RELATED = Workflow.objects.select_related("live", "trigger", "workspace__account")


class VersionOut(serializers.ModelSerializer[WorkflowVersion]):
    """A published version, with time and author. live: it is the one that runs now."""

    published_by = serializers.SerializerMethodField()
    live = serializers.SerializerMethodField()

    class Meta:
        model = WorkflowVersion
        fields = ["number", "live", "published_at", "published_by", "definition"]

    def get_published_by(self, version: WorkflowVersion) -> str | None:
        return version.published_by.email if version.published_by else None

    def get_live(self, version: WorkflowVersion) -> bool:
        return version.pk == version.workflow.live_id


class DifferenceOut(serializers.Serializer[Any]):
    """One thing that differs, in words; see workflows.authoring.diff.Difference."""

    part = serializers.CharField()
    what = serializers.CharField()
    kind = serializers.ChoiceField(choices=["added", "removed", "moved", "changed"])
    before = serializers.CharField()
    after = serializers.CharField()


class Differences(serializers.Serializer[Any]):
    differences = DifferenceOut(many=True)


class RollBack(ActionInput):
    version = serializers.IntegerField(min_value=1)


class ImportIn(ActionInput):
    """A file as `export` returns it, and where to import it. connections: an id for each name in the file."""

    workflow = serializers.JSONField()
    trigger = serializers.UUIDField()
    connections = serializers.DictField(child=serializers.UUIDField(), required=False)


class _OfWorkflow(Endpoint):
    """The base of the endpoints below."""

    def workflow(self, workflow_id: uuid.UUID) -> Workflow:
        found: Workflow = self.get_or_404(_RELATED, pk=workflow_id)
        return found

    def version(self, workflow: Workflow, number: int) -> WorkflowVersion:
        """Raises Problem (not_found)."""
        rows = workflow.versions.select_related("published_by", "workflow")
        found = rows.filter(number=number).first() if number < 2**31 else None
        if found is None:
            raise not_found()
        return found


class Versions(_OfWorkflow):
    """The published versions of a workflow."""

    required_scope = "workflows:read"
    paged = True

    @extend_schema(responses=VersionOut(many=True), summary="List the versions of a workflow, newest first")
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        rows = self.workflow(workflow_id).versions.select_related("published_by", "workflow")
        return self.page_of(rows, VersionOut, ordering=("-number",))


class VersionDetail(_OfWorkflow):
    """One version."""

    required_scope = "workflows:read"

    @extend_schema(responses=VersionOut, summary="Retrieve a version of a workflow")
    def get(self, request: Request, workflow_id: uuid.UUID, number: int) -> Response:
        return Response(VersionOut(self.version(self.workflow(workflow_id), number)).data)


class Difference(_OfWorkflow):
    """The differences between two versions."""

    required_scope = "workflows:read"
    parameters = tuple(
        OpenApiParameter(name, str, required=True, description="The number of a version, or draft")
        for name in ("from", "to")
    )

    @extend_schema(
        responses=Differences,
        summary="Compare two versions of a workflow, or one with the draft",
    )
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow = self.workflow(workflow_id)
        old, new = (self._definition(workflow, name) for name in ("from", "to"))
        found = differences.between(
            old, new, differences.labels(workflow, old, new), trigger=workflow.trigger.key
        )
        return Response({"differences": [one.as_json() for one in found]})

    def _definition(self, workflow: Workflow, name: str) -> Any:
        asked = self.text_parameter(name).get(name, "")
        if asked == "draft":
            return workflow.draft
        number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 0
        return self.version(workflow, number).definition


class RollBackWorkflow(_OfWorkflow):
    """Make an earlier version the live one."""

    required_scope = TO_ACT

    @extend_schema(request=RollBack, responses=WorkflowOut, summary="Restore a version")
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow = self.workflow(workflow_id)
        version = self.version(workflow, self.validated(RollBack)["version"])
        versions.roll_back(actor=self.actor, workflow=workflow, version=version)
        return Response(WorkflowOut(workflow).data)


class DuplicateWorkflow(_OfWorkflow):
    """A copy."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses={201: WorkflowOut}, summary="Duplicate a workflow as a draft")
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        copy = versions.duplicate(actor=self.actor, workflow=self.workflow(workflow_id))
        return Response(WorkflowOut(copy).data, status=201)


class ExportWorkflow(_OfWorkflow):
    """The draft as JSON."""

    required_scope = "workflows:read"

    @extend_schema(
        responses=OpenApiTypes.OBJECT,
        summary="Export the draft of a workflow",
    )
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        return Response(import_export.of_workflow(self.workflow(workflow_id)))


class ImportWorkflow(Endpoint):
    """Create a draft from an exported file."""

    required_scope = "workflows:write"

    @extend_schema(request=ImportIn, responses={201: WorkflowOut}, summary="Import a workflow as a draft")
    def post(self, request: Request) -> Response:
        data = self.validated(ImportIn)
        found = import_export.checked(data["workflow"])
        live = Trigger.objects.filter(deleted_at__isnull=True).select_related("workspace")
        trigger = self.get_or_404(live, pk=data["trigger"])
        asked = data.get("connections", {})
        rows = Connection.objects.visible_to(self.actor).filter(pk__in=list(asked.values())[:100])
        known = {row.pk: row for row in rows}
        chosen = {name: known[some_id] for name, some_id in asked.items() if some_id in known}
        workflow = import_export.bring_in(actor=self.actor, found=found, trigger=trigger, connections=chosen)
        return Response(WorkflowOut(workflow).data, status=201)
