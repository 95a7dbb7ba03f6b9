"""The representation of one event, with its outcome for each workflow."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from workflows.models import Event
from workflows.representations.events_and_calls import EventOut
from workflows.triggers import delivery_outcomes


class HeldConditionOut(serializers.Serializer[delivery_outcomes.Condition]):
    """A condition in words, what the event has in that field, and whether it held."""

    words = serializers.CharField()
    actual = serializers.CharField()
    holds = serializers.BooleanField()


class OutcomeOut(serializers.Serializer[Any]):
    """The outcome of an event for one workflow. version: the one that was published when the event arrived."""

    workflow = serializers.UUIDField(source="workflow.pk")
    name = serializers.CharField(source="workflow.name")
    state = serializers.ChoiceField(
        choices=[
            "started",
            "conditions_did_not_hold",
            "not_published",
            "created_later",
            "paused",
            "archived",
            "not_active",
        ]
    )
    words = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    run = serializers.SerializerMethodField()
    conditions = HeldConditionOut(source="rows", many=True)

    def get_run(self, outcome: delivery_outcomes.Outcome) -> uuid.UUID | None:
        return outcome.run.id if outcome.run else None


class EventDetail(EventOut):
    """An event. outcomes: one for each workflow that was asked about it. started_nothing: why, in a few words."""

    outcomes = serializers.SerializerMethodField()
    started_nothing = serializers.SerializerMethodField()

    class Meta(EventOut.Meta):
        fields = [*EventOut.Meta.fields, "started_nothing", "outcomes"]

    @extend_schema_field(OutcomeOut(many=True))
    def get_outcomes(self, event: Event) -> Any:
        return OutcomeOut(delivery_outcomes.outcomes(event), many=True).data

    def get_started_nothing(self, event: Event) -> str:
        if event.runs.exists():
            return ""
        return delivery_outcomes.in_brief(event, delivery_outcomes.listening(event.trigger))
