"""Triggers and their signing secrets."""

import uuid

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api import etags
from connections.api.endpoints import Endpoint
from connections.models import Connection
from core.errors import not_found
from workflows.api.serializers.triggers import (
    SecretIn,
    SecretOut,
    TestEventIn,
    TestEventOut,
    TriggerChange,
    TriggerIn,
    TriggerOut,
    WebhookIn,
)
from workflows.catalog import Reach
from workflows.inbox import secrets
from workflows.models import Trigger, Workflow
from workflows.subscriptions import requests, state
from workflows.triggers import lifecycle, test_events


def _live() -> QuerySet[Trigger]:
    rows = Trigger.objects.filter(deleted_at__isnull=True).select_related("connection__grant", "watch")
    return rows.prefetch_related("secrets", state.prefetched())


def _plain() -> QuerySet[Trigger]:
    """The same without its webhooks, which are about to change."""
    related = Trigger.objects.select_related("connection__grant", "connection__workspace__account")
    return related.filter(deleted_at__isnull=True)


class Triggers(Endpoint):
    """The triggers of the workspace."""

    required_scopes = {"GET": "triggers:read", "POST": "triggers:write"}
    paged = True

    @extend_schema(responses=TriggerOut(many=True), summary="List triggers")
    def get(self, request: Request) -> Response:
        return self.page(_live(), TriggerOut)

    @extend_schema(request=TriggerIn, responses={201: TriggerOut}, summary="Create a trigger")
    def post(self, request: Request) -> Response:
        data = self.validated(TriggerIn)
        connection = self.get_or_404(Connection.objects.select_related("workspace"), pk=data["connection"])
        trigger = lifecycle.create(actor=self.actor, **{**data, "connection": connection})
        return Response(TriggerOut(trigger).data, status=201)


def tag_of(trigger: Trigger) -> str:
    """The ETag of what can be edited."""
    return etags.tag_of({name: getattr(trigger, name) for name in ("name", "status", "redact", "options")})


class TriggerDetail(Endpoint):
    """One trigger."""

    required_scopes = {"GET": "triggers:read", "PATCH": "triggers:write", "DELETE": "triggers:write"}
    refusals = (412,)

    @extend_schema(responses=TriggerOut, parameters=[etags.ETAG], summary="Retrieve a trigger")
    def get(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        return etags.with_tag(Response(TriggerOut(trigger).data), tag_of(trigger))

    @extend_schema(
        request=TriggerChange,
        responses=TriggerOut,
        parameters=[etags.IF_MATCH, etags.ETAG],
        summary="Update a trigger: name, pause, redact, options",
    )
    def patch(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        changes = self.validated(TriggerChange)
        with transaction.atomic():
            etags.unchanged(request, trigger, tag_of)
            lifecycle.change(actor=self.actor, trigger=trigger, changes=changes)
        return etags.with_tag(Response(TriggerOut(trigger).data), tag_of(trigger))

    @extend_schema(responses={204: None}, parameters=[etags.IF_MATCH], summary="Delete a trigger")
    def delete(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        with transaction.atomic():
            etags.unchanged(request, trigger, tag_of)
            lifecycle.delete(actor=self.actor, trigger=trigger)
        return Response(status=204)


class Secrets(Endpoint):
    """The signing secrets of a trigger; write-only."""

    required_scope = "triggers:write"

    @extend_schema(request=SecretIn, responses={201: SecretOut}, summary="Add a signing secret")
    def post(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        secret, _ = secrets.add_secret(
            actor=self.actor, trigger=trigger, secret=self.validated(SecretIn)["secret"]
        )
        return Response(SecretOut(secret).data, status=201)


class SecretDetail(Endpoint):
    """One signing secret."""

    required_scope = "triggers:write"

    @extend_schema(responses={204: None}, summary="Delete a signing secret")
    def delete(self, request: Request, trigger_id: uuid.UUID, secret_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        secret = trigger.secrets.filter(pk=secret_id).first()
        if secret is None:
            raise not_found()
        secrets.retire_secret(actor=self.actor, secret=secret)
        return Response(status=204)


class TriggerWebhook(Endpoint):
    """The webhook that a trigger manages automatically, if its connection allows it."""

    required_scope = "triggers:write"

    @extend_schema(request=WebhookIn, responses={202: TriggerOut}, summary="Create webhook automatically")
    def post(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger, wanted = self.get_or_404(_plain(), pk=trigger_id), self.validated(WebhookIn)
        chosen = [(name.removesuffix("_id"), some_id) for name, some_id in wanted.items()]
        reach = Reach(*chosen[0]) if chosen else None
        requests.set_up(actor=self.actor, trigger=trigger, reach=reach)
        return Response(TriggerOut(trigger).data, status=202)


class RotateWebhook(Endpoint):
    """A new signing secret, by a second webhook that takes the place of the first."""

    required_scope = "triggers:write"

    @extend_schema(
        request=None, responses={202: TriggerOut}, summary="Rotate the secret of a trigger's webhook"
    )
    def post(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_plain(), pk=trigger_id)
        requests.rotate(actor=self.actor, trigger=trigger)
        return Response(TriggerOut(trigger).data, status=202)


class TestTrigger(Endpoint):
    """Store a sample event, marked as a test. It starts no workflows and is not sent to webhook endpoints.

    With `workflow`, that one of its workflows runs on it for real: an API key then needs the scope actions:run.
    """

    required_scope = "triggers:write"

    @extend_schema(request=TestEventIn, responses={201: TestEventOut}, summary="Send a test event")
    def post(self, request: Request, trigger_id: uuid.UUID) -> Response:
        trigger = self.get_or_404(_live(), pk=trigger_id)
        chosen = self.validated(TestEventIn).get("workflow")
        if chosen is None:
            event = lifecycle.send_test(actor=self.actor, trigger=trigger)
            return Response(TestEventOut(event).data, status=201)
        workflow = self.get_or_404(
            Workflow.objects.filter(trigger=trigger).select_related("live", "workspace__account"), pk=chosen
        )
        with transaction.atomic():
            event = lifecycle.send_test(actor=self.actor, trigger=trigger)
            run = test_events.start(actor=self.actor, event=event, workflow=workflow)
        return Response(TestEventOut(event, context={"run": run.id}).data, status=201)
