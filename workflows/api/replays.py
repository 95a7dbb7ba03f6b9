"""Replaying a selection of runs, and how far that is."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import TO_ACT, Endpoint
from workflows import replays
from workflows.inputs import ActionInput, Text
from workflows.models import ReplayBatch, Run, Workflow
from workflows.models.runs import UNFINISHED

_FINISHED = ["completed", "failed", "cancelled"]
_LOOKUPS = {
    "workspace": "workspace",
    "workflow": "workflow",
    "status": "status",
    "lane": "lane",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


class ReplayIn(ActionInput):
    """Which finished runs; all that is given has to fit, and they have to be of one workspace."""

    workspace = serializers.UUIDField(required=False)
    workflow = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=_FINISHED, required=False)
    lane = Text(max_length=200, required=False, help_text="An incident’s id")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class ReplayOut(serializers.ModelSerializer[ReplayBatch]):
    """A replay. total: runs chosen; made: how many of them have been seen to; runs: new runs by status.

    status: running until each new run has ended, then completed; or cancelled.
    """

    status = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()
    runs = serializers.SerializerMethodField()

    class Meta:
        model = ReplayBatch
        fields = ["id", "status", "selection", "total", "made", "runs", "started_by", "created_at"]

    def get_status(self, batch: ReplayBatch) -> str:
        if batch.status == ReplayBatch.Status.CANCELLED:
            return "cancelled"
        unfinished = set(UNFINISHED) & set(self.get_runs(batch))
        return "running" if unfinished or batch.status == ReplayBatch.Status.MAKING else "completed"

    def get_total(self, batch: ReplayBatch) -> int:
        return len(batch.chosen)

    def get_runs(self, batch: ReplayBatch) -> dict[str, int]:
        return replays.progress(batch)


class StartReplay(Endpoint):
    """Run the selected runs again, at most 500."""

    required_scope = TO_ACT

    @extend_schema(
        operation_id="runs_replay_selection",
        request=ReplayIn,
        responses={202: ReplayOut},
        summary="Replay a selection of runs",
    )
    def post(self, request: Request) -> Response:
        asked = self.validated(ReplayIn)
        runs: QuerySet[Run] = Run.objects.visible_to(self.actor)
        if "workflow" in asked:
            self.get_or_404(Workflow.objects.all(), pk=asked["workflow"])
        runs = runs.filter(**{_LOOKUPS[name]: value for name, value in asked.items()})
        given: Any = request.data
        selection = {name: str(given[name]) for name in asked}
        batch = replays.start(actor=self.actor, runs=runs, selection=selection)
        return Response(ReplayOut(batch).data, status=202)


class ReplayDetail(Endpoint):
    """How far a replay is."""

    required_scope = "workflows:read"

    @extend_schema(responses=ReplayOut, summary="Look at a replay of a selection")
    def get(self, request: Request, replay_id: uuid.UUID) -> Response:
        return Response(ReplayOut(self.get_or_404(ReplayBatch.objects.all(), pk=replay_id)).data)


class CancelReplay(Endpoint):
    """Stop a replay."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses=ReplayOut, summary="Cancel a replay of a selection")
    def post(self, request: Request, replay_id: uuid.UUID) -> Response:
        batch = self.get_or_404(ReplayBatch.objects.select_related("workspace__account"), pk=replay_id)
        replays.cancel(actor=self.actor, batch=batch)
        batch.refresh_from_db()
        return Response(ReplayOut(batch).data)
