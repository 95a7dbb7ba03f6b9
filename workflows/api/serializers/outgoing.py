"""Representations of webhook endpoints."""

from typing import Any

from rest_framework import serializers

from workflows.catalog.schemas import ActionInput, Text
from workflows.models import Hook, HookDelivery, HookSecret
from workflows.outgoing.endpoints import ROTATION_HOURS


class HookSecretOut(serializers.ModelSerializer[HookSecret]):
    """A signing secret without the secret. `expires_at`: until when the one before still signs as well."""

    class Meta:
        model = HookSecret
        fields = ["id", "created_at", "expires_at"]


class HookOut(serializers.ModelSerializer[Hook]):
    """A webhook endpoint. `trigger` null: all triggers of the workspace. `failing_since`: null while it is well.

    `pause_reason`: `gone` when it was paused because it returned 410.
    """

    workspace = serializers.UUIDField(source="workspace_id")
    trigger = serializers.UUIDField(source="trigger_id", allow_null=True)
    secrets = HookSecretOut(many=True)

    class Meta:
        model = Hook
        fields = [
            "id",
            "workspace",
            "name",
            "url",
            "events",
            "runs",
            "trigger",
            "status",
            "pause_reason",
            "failing_since",
            "secrets",
            "created_at",
        ]


class NewHookOut(HookOut):
    """A hook that was just made, with its signing secret: this answer alone has it."""

    secret = serializers.CharField(read_only=True)

    class Meta(HookOut.Meta):
        fields = [*HookOut.Meta.fields, "secret"]


class NewSecretOut(HookSecretOut):
    """A secret that was just made: this answer alone has it."""

    secret = serializers.CharField(read_only=True)

    class Meta(HookSecretOut.Meta):
        fields = [*HookSecretOut.Meta.fields, "secret"]


class HookIn(ActionInput):
    """`workspace` is for signed-in people; an API key has its own."""

    name = Text(max_length=120)
    url = Text(max_length=2000)
    events = serializers.BooleanField(default=True)
    runs = serializers.BooleanField(default=False)
    trigger = serializers.UUIDField(required=False, allow_null=True, default=None)
    workspace = serializers.UUIDField(required=False, allow_null=True, default=None)


class HookChange(ActionInput):
    name = Text(max_length=120, required=False)
    url = Text(max_length=2000, required=False)
    events = serializers.BooleanField(required=False)
    runs = serializers.BooleanField(required=False)
    trigger = serializers.UUIDField(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=Hook.Status.choices, required=False)


class RotationIn(ActionInput):
    """The hours for which the previous secret signs as well; 0 ends it at once."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=168, default=ROTATION_HOURS)


class HookDeliveryOut(serializers.ModelSerializer[HookDelivery]):
    """One message of a hook; its id is the header `webhook-id`. `tries`: the last attempts, oldest first."""

    hook = serializers.UUIDField(source="hook_id")
    event = serializers.UUIDField(source="event.id", allow_null=True, default=None)
    run = serializers.UUIDField(source="run.id", allow_null=True, default=None)
    tries = serializers.SerializerMethodField()

    class Meta:
        model = HookDelivery
        fields = [
            "id",
            "hook",
            "kind",
            "event",
            "run",
            "lane",
            "status",
            "attempts",
            "tries",
            "next_attempt_at",
            "created_at",
            "finished_at",
        ]

    def get_tries(self, delivery: HookDelivery) -> list[dict[str, Any]]:
        tries: list[dict[str, Any]] = delivery.tries
        return tries
