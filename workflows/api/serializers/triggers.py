"""Request and response bodies of the API for triggers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.api.health import health_field
from workflows import catalog
from workflows.catalog.schemas import ActionInput, Text
from workflows.deadlines import state as deadline_state
from workflows.inbox.redaction import LONGEST_PATH, MOST_PATHS
from workflows.models import Event, Trigger, TriggerSecret, Watch
from workflows.representations.events_and_calls import EventOut
from workflows.subscriptions import state

_OPTIONS = "As described by `options_schema` of the trigger in the catalog; replaces the previous options."
_REDACT = "Fields of deliveries that are never stored, such as event.data.title; replaces the previous list."


class SecretOut(serializers.ModelSerializer[TriggerSecret]):
    """A signing secret without the secret."""

    class Meta:
        model = TriggerSecret
        fields = ["id", "created_at", "last_seen_at", "retired_at"]


class WatchOut(serializers.ModelSerializer[Watch]):
    """The state of a polled trigger. trouble: why the last poll failed."""

    class Meta:
        model = Watch
        fields = [
            "watched",
            "present",
            "looked_at",
            "expected_at",
            "next_look_at",
            "trouble",
            "trouble_since",
            "left_out",
            "left_out_at",
        ]


class DeadlinesOut(serializers.Serializer[Any]):
    """The open deadlines of a trigger. next_due_at: of these, the first. trouble: why passed ones cannot be checked."""

    open = serializers.IntegerField()
    next_due_at = serializers.DateTimeField(allow_null=True)
    passed_at = serializers.DateTimeField(allow_null=True)
    trouble = serializers.DictField(allow_null=True)
    trouble_since = serializers.DateTimeField(allow_null=True)


class RecoveredOut(serializers.Serializer[Any]):
    """The last recovery: changes found at the provider, and stored because no webhook had delivered them.

    words: what could not be recovered.
    """

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    found = serializers.IntegerField()
    stored = serializers.IntegerField()
    words = serializers.CharField()


class SetUpOut(serializers.Serializer[Any]):
    """The state of a trigger's webhook. webhook: its ID at the provider. allowed: whether it can be automatic."""

    way = serializers.ChoiceField(choices=[state.BY_ITSELF, state.BY_HAND])
    state = serializers.CharField(source="key")
    words = serializers.CharField()
    webhook = serializers.CharField()
    reach = serializers.DictField(child=serializers.CharField(), allow_null=True)
    allowed = serializers.BooleanField()
    rotating = serializers.BooleanField()
    last_seen_at = serializers.DateTimeField(source="at", allow_null=True)
    recovered = RecoveredOut(allow_null=True)


class WebhookIn(ActionInput):
    """The scope of a webhook: the whole account unless one of the two is given."""

    service_id = Text(max_length=64, required=False)
    team_id = Text(max_length=64, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) > 1:
            raise serializers.ValidationError({"team_id": ["Either a service or a team, not both."]})
        return attrs


class TriggerOut(serializers.ModelSerializer[Trigger]):
    """A trigger. `holding`: deliveries are kept until its first signing secret can judge them.

    redact: paths of the fields of its deliveries that are never stored. options: as `options_schema` of its key in
    the catalog says. set_up: how its webhook is set up, and how that is doing. url and set_up: null, and watch:
    there, for a trigger that asks by itself instead of being posted to. deadlines: null for a trigger without any.
    """

    connection = serializers.UUIDField(source="connection_id")
    url = serializers.SerializerMethodField()
    watch = WatchOut(allow_null=True)
    holding = serializers.SerializerMethodField()
    secrets = SecretOut(many=True)
    redact = serializers.ListField(child=serializers.CharField())
    options = serializers.DictField()
    set_up = serializers.SerializerMethodField()
    deadlines = serializers.SerializerMethodField()
    health = health_field()

    class Meta:
        model = Trigger
        fields = [
            "id",
            "key",
            "name",
            "connection",
            "url",
            "watch",
            "status",
            "health",
            "holding",
            "redact",
            "options",
            "confirmed_at",
            "set_up",
            "deadlines",
            "secrets",
            "created_at",
        ]

    def get_url(self, trigger: Trigger) -> str | None:
        return None if catalog.polled(trigger.key) else trigger.url

    def get_holding(self, trigger: Trigger) -> bool:
        if catalog.polled(trigger.key):
            return False
        return trigger.status != Trigger.Status.CLOSED and not trigger.secrets.all()

    @extend_schema_field(SetUpOut(allow_null=True))
    def get_set_up(self, trigger: Trigger) -> Any:
        return None if catalog.polled(trigger.key) else SetUpOut(state.of(trigger)).data

    @extend_schema_field(DeadlinesOut(allow_null=True))
    def get_deadlines(self, trigger: Trigger) -> Any:
        found = deadline_state.of(trigger)
        return found and DeadlinesOut(found).data


class TriggerIn(ActionInput):
    key = Text(max_length=80)
    connection = serializers.UUIDField()
    name = Text(max_length=120, required=False, allow_blank=True, default="")
    options = serializers.DictField(required=False, help_text=_OPTIONS)


class TriggerChange(ActionInput):
    name = Text(max_length=120, required=False)
    status = serializers.ChoiceField(choices=["active", "paused"], required=False)
    redact = serializers.ListField(
        child=Text(max_length=LONGEST_PATH), max_length=MOST_PATHS, required=False, help_text=_REDACT
    )
    options = serializers.DictField(required=False, help_text=_OPTIONS)


class TestEventIn(ActionInput):
    """workflow: the one workflow of the trigger that is to run on the test event, for real."""

    workflow = serializers.UUIDField(required=False)


class TestEventOut(EventOut):
    """The test event. run: the run that the chosen workflow began; null without one."""

    run = serializers.SerializerMethodField()

    class Meta(EventOut.Meta):
        fields = [*EventOut.Meta.fields, "run"]

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_run(self, event: Event) -> Any:
        return self.context.get("run")


class SecretIn(ActionInput):
    secret = Text(min_length=8, max_length=500, trim_whitespace=True, write_only=True)

    def validate_secret(self, value: str) -> str:
        if not value.isascii():
            raise serializers.ValidationError("That doesn’t look like a signing secret.")
        return value
