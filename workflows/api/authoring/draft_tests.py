"""Testing a draft: dry, or for real."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from connections.api.errors import invalid_input
from core.web import form_tokens
from workflows.authoring import draft_tests, dry_run
from workflows.catalog.schemas import ActionInput
from workflows.models import Event, Workflow
from workflows.representations.runs import RunOut


class TestIn(ActionInput):
    """event: one that its trigger received; without it, the documented one. dry: nothing leaves."""

    event = serializers.UUIDField(required=False)
    dry = serializers.BooleanField(default=True)


class ConditionOut(serializers.Serializer[dry_run.Row]):
    words = serializers.CharField()
    actual = serializers.CharField()
    holds = serializers.BooleanField()


class RehearsedStepOut(serializers.Serializer[dry_run.Step]):
    """The request that a step would send. By input name: faults, and warnings of what fails with other events."""

    key = serializers.CharField()
    connection = serializers.UUIDField()
    skipped = serializers.BooleanField()
    input = serializers.JSONField()
    faults = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField()

    def get_faults(self, step: dry_run.Step) -> dict[str, str]:
        return dict(step.faults)

    def get_warnings(self, step: dry_run.Step) -> dict[str, str]:
        return dict(step.warnings)


class RehearsalOut(serializers.Serializer[dry_run.Rehearsal]):
    """The dry run of a draft. starts: whether its conditions hold."""

    starts = serializers.BooleanField()
    sound = serializers.BooleanField()
    conditions = ConditionOut(source="rows", many=True)
    steps = RehearsedStepOut(many=True)


class TestWorkflow(Endpoint):
    """The draft on one event."""

    required_scope = "workflows:write"

    @extend_schema(
        request=TestIn,
        responses={200: RehearsalOut, 201: RunOut},
        summary="Test a workflow (dry run or live)",
        description="`dry: true` returns what would happen. `dry: false` runs the draft once on the connected "
        "account and makes live changes there. It also requires the scope actions:run; it does not "
        "count as a run of the published workflow and is not sent to outgoing webhooks.",
    )
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        related = ("workspace__account", "trigger__connection", "trigger__workspace", "live")
        workflow = self.get_or_404(Workflow.objects.select_related(*related), pk=workflow_id)
        data = self.validated(TestIn)
        event = self._event(workflow, data.get("event"))
        if data["dry"]:
            return Response(RehearsalOut(dry_run.rehearse(workflow, event)).data)
        run = draft_tests.start(actor=self.actor, workflow=workflow, event=event, once=form_tokens.new_key())
        return Response(RunOut(run).data, status=201)

    def _event(self, workflow: Workflow, asked: uuid.UUID | None) -> Event | None:
        """Raises Problem (invalid_input)."""
        if asked is None:
            return None
        events = Event.objects.visible_to(self.actor).filter(id=asked, trigger=workflow.trigger_id)
        event = events.select_related("trigger__connection").first()
        if event is None:
            raise invalid_input({"event": ["Not an event of this workflow's trigger."]})
        return event
