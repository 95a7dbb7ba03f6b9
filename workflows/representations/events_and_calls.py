"""Representations of events, calls and workflows in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.health import health_field
from core.text.json_sanitize import storable
from workflows.catalog.schemas import ActionInput, Text
from workflows.conditions import possible_nulls
from workflows.formatting import chain_reasons
from workflows.models import ActionCall, Event, Workflow
from workflows.models.workflows import FASTEST_PACE


class NotStarted(serializers.Serializer[Any]):
    """A workflow that did not begin a run on an event that one of our own runs caused."""

    workflow = serializers.UUIDField()
    code = serializers.ChoiceField(choices=list(chain_reasons.WORDS))
    message = serializers.CharField()


class EventOut(serializers.ModelSerializer[Event]):
    """One accepted delivery. error: why it failed, or was filtered. recovered: no webhook delivered it, it was read
    from the provider afterwards. not_started: workflows whose chain kept them from beginning.
    """

    trigger = serializers.UUIDField(source="trigger_id")
    recovered = serializers.BooleanField(source="is_recovered")
    not_started = serializers.SerializerMethodField()
    payload = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            "id",
            "trigger",
            "external_id",
            "event_type",
            "lane",
            "status",
            "is_test",
            "recovered",
            "error",
            "not_started",
            "received_at",
            "payload",
        ]

    @extend_schema_field(NotStarted(many=True))
    def get_not_started(self, event: Event) -> list[dict[str, Any]]:
        return chain_reasons.explained(event)

    def get_payload(self, event: Event) -> Any:
        """The JSON that was delivered, without what no JSON answer can carry."""
        return storable(event.payload)


class WorkflowOut(serializers.ModelSerializer[Workflow]):
    """A workflow; `draft` is what people edit, `version` the number of what runs.

    pause_reason: "safety" when TaskJuice paused it because it began more than max_runs_per_minute.
    """

    trigger = serializers.UUIDField(source="trigger_id")
    draft = serializers.JSONField()
    version = serializers.SerializerMethodField()
    health = health_field()

    class Meta:
        model = Workflow
        fields = [
            "id",
            "name",
            "trigger",
            "status",
            "health",
            "pause_reason",
            "max_runs_per_minute",
            "version",
            "draft",
            "created_at",
        ]

    def get_version(self, workflow: Workflow) -> int | None:
        return workflow.live.number if workflow.live else None


class WorkflowSaved(WorkflowOut):
    """As it was saved. warnings: step → input → why it fails with some events; nothing was refused for it."""

    warnings = serializers.SerializerMethodField()

    class Meta(WorkflowOut.Meta):
        fields = [*WorkflowOut.Meta.fields, "warnings"]

    def get_warnings(self, workflow: Workflow) -> dict[str, dict[str, str]]:
        return possible_nulls.of_definition(workflow.trigger.key, workflow.draft)


class WorkflowIn(ActionInput):
    """The input of a workflow. workflows.authoring.validation checks `draft`, and names step and field at fault."""

    name = Text(max_length=120)
    trigger = serializers.UUIDField()
    conditions = serializers.JSONField(required=False)
    steps = serializers.JSONField()
    max_runs_per_minute = serializers.IntegerField(min_value=1, max_value=FASTEST_PACE, required=False)
    publish = serializers.BooleanField(default=False)


class WorkflowChange(ActionInput):
    name = Text(max_length=120, required=False)
    conditions = serializers.JSONField(required=False)
    steps = serializers.JSONField(required=False)
    max_runs_per_minute = serializers.IntegerField(min_value=1, max_value=FASTEST_PACE, required=False)
    status = serializers.ChoiceField(choices=["active", "paused", "archived"], required=False)


class CallOut(serializers.ModelSerializer[ActionCall]):
    """An action call as far as it has got."""

    connection = serializers.UUIDField(source="connection_id")
    input = serializers.JSONField()
    output = serializers.JSONField()
    error = serializers.SerializerMethodField()
    progress = serializers.JSONField()

    class Meta:
        model = ActionCall
        fields = [
            "id",
            "connection",
            "action",
            "origin",
            "status",
            "input",
            "output",
            "error",
            "attempts",
            "progress",
            "next_attempt_at",
            "created_at",
            "finished_at",
        ]

    def get_error(self, call: ActionCall) -> dict[str, Any] | None:
        return five_fields(call.error)


def five_fields(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """A stored error as it is shown: code, message, provider_status, retryable, detail."""
    return {name: value for name, value in error.items() if name != "status"} if error else None
