"""Representations of runs and their steps."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from workflows.models import Run, StepRun
from workflows.queue import waiting
from workflows.representations import failed_step as failure
from workflows.representations.events_and_calls import five_fields

# What RunDetail reads of other tables, for prefetch_related.
RUN_PARTS = ("steps__call", "steps__kept", "replays")


class StepOut(serializers.ModelSerializer[StepRun]):
    """One step of a run with what went in and out. rounds: times it was taken up again after it had failed.

    kept: it was not made again; call, input and output are those of the earlier run that completed it.
    """

    status = serializers.SerializerMethodField()
    kept = serializers.SerializerMethodField()
    input = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    call = serializers.SerializerMethodField()
    attempts = serializers.SerializerMethodField()
    rounds = serializers.SerializerMethodField()
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = StepRun
        fields = [
            "position",
            "key",
            "action",
            "status",
            "kept",
            "input",
            "output",
            "error",
            "call",
            "attempts",
            "rounds",
            "next_attempt_at",
            "started_at",
            "finished_at",
        ]

    def get_status(self, step: StepRun) -> str:
        """While it runs, its call says more: waiting, paused."""
        return step.call.status if step.call and step.finished_at is None else step.status

    def get_kept(self, step: StepRun) -> bool:
        return step.kept_id is not None

    def get_call(self, step: StepRun) -> uuid.UUID | None:
        return step.call_id or step.kept_id

    def get_input(self, step: StepRun) -> dict[str, Any] | None:
        return step.made.input if step.made else None

    def get_output(self, step: StepRun) -> dict[str, Any] | None:
        return step.made.output if step.made else None

    def get_error(self, step: StepRun) -> dict[str, Any] | None:
        return five_fields(step.error or (step.call.error if step.call else None))

    def get_attempts(self, step: StepRun) -> int:
        return step.call.attempts if step.call else 0

    def get_rounds(self, step: StepRun) -> int:
        return step.call.rounds if step.call else 0

    def get_next_attempt_at(self, step: StepRun) -> Any:
        return step.call.next_attempt_at if step.call else None


class WaitingOut(serializers.Serializer[waiting.Waiting]):
    """The reason why a run is not going on. until: when it does, where that is known. run: the earlier run.

    connection: the one that needs to be reconnected, or that has as many requests on their way as it may have.
    """

    reason = serializers.ChoiceField(choices=waiting.Reason.values)
    message = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    run = serializers.UUIDField(allow_null=True)
    connection = serializers.UUIDField(allow_null=True)


class _Runs(serializers.ListSerializer[Run]):
    """A page of runs, whose reasons to wait are read for all of them together."""

    child: "RunOut"

    def to_representation(self, data: Any) -> list[Any]:
        rows = list(data)
        self.child.why = waiting.of(rows)
        return super().to_representation(rows)


class RunOut(serializers.ModelSerializer[Run]):
    """A run without its steps.

    pause_reason: "person" or "safety" while one of them holds it. depth: how many runs before it caused each other;
    origin: the run whose write caused its event, null when no run of this workspace did. test: it follows the draft as
    it was then, so that its version is null. replay_of: the run that this one was begun from; replay_from: where it
    began, "failed_step" or "start". waiting_for: why it is not going on now; null once it has ended, or while a worker
    is busy with it.
    """

    workflow = serializers.UUIDField(source="workflow_id")
    version = serializers.IntegerField(source="version.number", allow_null=True)
    test = serializers.BooleanField(source="is_test")
    event = serializers.UUIDField(source="event.id")
    error = serializers.SerializerMethodField()
    origin = serializers.SerializerMethodField()
    replay_of = serializers.UUIDField(source="replay_of.id", allow_null=True)
    replay_from = serializers.SerializerMethodField()
    waiting_for = serializers.SerializerMethodField()

    why: dict[int, waiting.Waiting] | None = None  # of all runs of a list

    class Meta:
        model = Run
        list_serializer_class = _Runs
        fields = [
            "id",
            "workflow",
            "version",
            "test",
            "event",
            "lane",
            "replay",
            "replay_of",
            "replay_from",
            "status",
            "pause_reason",
            "waiting_for",
            "error",
            "depth",
            "origin",
            "created_at",
            "started_at",
            "finished_at",
        ]

    def get_error(self, run: Run) -> dict[str, Any] | None:
        return five_fields(run.error)

    def get_origin(self, run: Run) -> uuid.UUID | None:
        """Return the id of the origin only if it belongs to the workspace of `run`."""
        origin = run.origin
        return origin.id if origin and origin.workspace_id == run.workspace_id else None

    def get_replay_from(self, run: Run) -> str | None:
        return run.replay_from or None

    @extend_schema_field(WaitingOut(allow_null=True))
    def get_waiting_for(self, run: Run) -> Any:
        known = waiting.of([run]) if self.why is None else self.why
        return WaitingOut(known[run.pk]).data if run.pk in known else None


class ReplayedAs(serializers.ModelSerializer[Run]):
    """A run that was begun from this one."""

    class Meta:
        model = Run
        fields = ["id", "replay_from", "status", "created_at"]


class FailedStepOut(serializers.Serializer[failure.FailedStep]):
    """The step at which a run ended. provider_status: the HTTP status that the provider answered, if it did."""

    position = serializers.IntegerField()
    key = serializers.CharField()
    name = serializers.CharField()
    provider_status = serializers.IntegerField(allow_null=True)


class RunDetail(RunOut):
    """A run with its steps, and the runs that were begun from it.

    incident_url: the provider's page of what it is about; "" where there is none.
    """

    failed_step = serializers.SerializerMethodField()
    incident_url = serializers.SerializerMethodField()
    steps = StepOut(many=True)
    replays = ReplayedAs(many=True)

    class Meta(RunOut.Meta):
        fields = [*RunOut.Meta.fields, "failed_step", "incident_url", "steps", "replays"]

    @extend_schema_field(FailedStepOut(allow_null=True))
    def get_failed_step(self, run: Run) -> Any:
        found = failure.failed_step(run, list(run.steps.all()))
        return FailedStepOut(found).data if found else None

    def get_incident_url(self, run: Run) -> str:
        return failure.incident_url(run)
