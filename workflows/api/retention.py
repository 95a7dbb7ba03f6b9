"""Statements of rows deleted by the agency's data retention."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from workflows.models import RetentionStatement


class StatementOut(serializers.ModelSerializer[RetentionStatement]):
    """One workspace, one day (UTC): rows deleted of each kind, all older than `cutoff`.

    days: how long the agency kept things when it began. finished_at: null while more is to go.
    """

    workspace = serializers.UUIDField(source="workspace_id")

    class Meta:
        model = RetentionStatement
        fields = [
            "id",
            "workspace",
            "day",
            "days",
            "cutoff",
            "events",
            "runs",
            "steps",
            "calls",
            "deliveries",
            "replays",
            "started_at",
            "finished_at",
        ]


class Retention(Endpoint):
    """The statements of the workspace, newest first."""

    required_scope = "workflows:read"
    paged = True

    @extend_schema(responses=StatementOut(many=True), summary="List deletions by data retention, per day")
    def get(self, request: Request) -> Response:
        return self.page(RetentionStatement.objects.all(), StatementOut, ordering=("-started_at", "id"))
