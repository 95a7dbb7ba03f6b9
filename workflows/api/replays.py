"""Replaying a selection of runs, and how far that is."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import TO_ACT, Endpoint
from core.errors import not_found
from workflows.catalog.schemas import ActionInput, Text
from workflows.models import ReplayBatch, Run, Workflow
from workflows.runs import bulk_replay

_FINISHED = ["completed", "failed", "cancelled"]
_LOOKUPS = {
    "workspace": "workspace",
    "workflow": "workflow",
    "status": "status",
    "lane": "lane",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


class ReplaySelectionIn(ActionInput):
    """Finished runs that match all given filters. from: as of one run; `failed_step` leaves out runs without one."""

    workspace = serializers.UUIDField(required=False)
    workflow = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=_FINISHED, required=False)
    lane = Text(max_length=200, required=False, help_text="Incident ID")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    class Meta:
        keyword_fields = {"from": serializers.ChoiceField(choices=Run.ReplayFrom.values, required=False)}


class ReplayOut(serializers.Serializer[dict[str, Any]]):
    """A replay. total: runs chosen; made: how many of them have been seen to; skipped: how many could not run again,
    because their workflow is archived or a connection was revoked; runs: new runs by status.

    status: running until each new run has ended, then completed; or cancelled.
    """

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["running", "completed", "cancelled"])
    selection = serializers.JSONField()
    total = serializers.IntegerField()
    made = serializers.IntegerField()
    skipped = serializers.IntegerField()
    runs = serializers.DictField(child=serializers.IntegerField())
    workspaces = serializers.ListField(child=serializers.UUIDField())
    started_by = serializers.CharField()
    created_at = serializers.DateTimeField()


def _shown(batches: list[ReplayBatch]) -> dict[str, Any]:
    first, progress = batches[0], bulk_replay.progress(batches)
    return dict(
        ReplayOut(
            {
                "id": bulk_replay.key_of(first),
                "status": progress.status,
                "selection": first.selection,
                "total": progress.total,
                "made": progress.made,
                "skipped": progress.skipped,
                "runs": progress.runs,
                "workspaces": [batch.workspace_id for batch in batches],
                "started_by": first.started_by,
                "created_at": first.created_at,
            }
        ).data
    )


class StartReplay(Endpoint):
    """Run the selected runs again, at most 500."""

    required_scope = TO_ACT

    @extend_schema(
        operation_id="runs_replay_selection",
        request=ReplaySelectionIn,
        responses={202: ReplayOut},
        summary="Create a bulk replay",
    )
    def post(self, request: Request) -> Response:
        asked = self.validated(ReplaySelectionIn)
        runs: QuerySet[Run] = Run.objects.visible_to(self.actor)
        given: Any = request.data
        selection = {name: str(given[name]) for name in asked}
        begin_at = asked.pop("from", "")
        if "workflow" in asked:
            self.get_or_404(Workflow.objects.all(), pk=asked["workflow"])
        runs = runs.filter(**{_LOOKUPS[name]: value for name, value in asked.items()})
        batches = bulk_replay.start(actor=self.actor, runs=runs, selection=selection, begin_at=begin_at)
        return Response(_shown(batches), status=202)


class _OfOne(Endpoint):
    """One replay that was started."""

    def batches(self, key: uuid.UUID) -> list[ReplayBatch]:
        """The batches in workspaces that the caller sees. Raises Problem."""
        found = bulk_replay.group_of(ReplayBatch.objects.visible_to(self.actor), key)
        if not found:
            raise not_found()
        return found


class ReplayDetail(_OfOne):
    """The progress of a bulk replay."""

    required_scope = "workflows:read"

    @extend_schema(responses=ReplayOut, summary="Retrieve a bulk replay")
    def get(self, request: Request, replay_id: uuid.UUID) -> Response:
        return Response(_shown(self.batches(replay_id)))


class CancelReplay(_OfOne):
    """Stop a replay."""

    required_scope = "workflows:write"

    @extend_schema(request=None, responses=ReplayOut, summary="Cancel a bulk replay")
    def post(self, request: Request, replay_id: uuid.UUID) -> Response:
        bulk_replay.cancel(actor=self.actor, batches=self.batches(replay_id))
        return Response(_shown(self.batches(replay_id)))
