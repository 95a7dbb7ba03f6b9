"""Outgoing webhooks of the API: other software that subscribes to events and finished runs."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api import etags
from connections.api.endpoints import Endpoint
from connections.api.errors import invalid_input
from connections.models import Workspace
from core.errors import not_found
from workflows.api.serializers.outgoing import (
    HookChange,
    HookDeliveryOut,
    HookIn,
    HookOut,
    NewHookOut,
    NewSecretOut,
    RotationIn,
)
from workflows.models import Hook, HookDelivery, Trigger
from workflows.outgoing import endpoints

_READ_WRITE = {
    "GET": "hooks:read",
    "POST": "hooks:write",
    "PATCH": "hooks:write",
    "DELETE": "hooks:write",
}


class HookEndpoint(Endpoint):
    """The base of the endpoints below."""

    required_scopes = _READ_WRITE

    def live(self) -> QuerySet[Hook]:
        related = Hook.objects.select_related("workspace__account", "trigger").prefetch_related("secrets")
        return related.filter(deleted_at__isnull=True)

    def hook(self, hook_id: uuid.UUID) -> Hook:
        found: Hook = self.get_or_404(self.live(), pk=hook_id)
        return found

    def trigger(self, data: dict[str, Any]) -> dict[str, Any]:
        """`data` with the visible trigger in place of its id. Raises Problem (not_found)."""
        if data.get("trigger") is None:
            return data
        live = Trigger.objects.filter(deleted_at__isnull=True)
        return {**data, "trigger": self.get_or_404(live, pk=data["trigger"])}


class Hooks(HookEndpoint):
    """The webhook endpoints of the workspace."""

    paged = True

    @extend_schema(responses=HookOut(many=True), summary="List webhook endpoints")
    def get(self, request: Request) -> Response:
        return self.page(self.live(), HookOut)

    @extend_schema(
        request=HookIn,
        responses={201: NewHookOut},
        summary="Create a webhook endpoint",
    )
    def post(self, request: Request) -> Response:
        data = self.trigger(self.validated(HookIn))
        workspace = self._workspace(data.pop("workspace"))
        hook, secret = endpoints.create(actor=self.actor, workspace=workspace, **data)
        return Response({**HookOut(hook).data, "secret": secret}, status=201)

    def _workspace(self, asked: uuid.UUID | None) -> Workspace:
        """The key's own, or the one that a signed-in person named."""
        mine = self.actor.workspace_id
        key = mine or asked
        if key is None:
            raise invalid_input({"workspace": ["Specify the workspace."]})
        rows = Workspace.objects.select_related("account")
        if mine is None:
            rows = rows.filter(account__in=list(self.actor.roles))
        workspace = rows.filter(pk=key).first()
        if workspace is None or asked not in (None, key):
            raise not_found()
        return workspace


def tag_of(hook: Hook) -> str:
    """The ETag of what can be edited."""
    names = ("name", "url", "events", "runs", "trigger_id", "status")
    return etags.tag_of({name: getattr(hook, name) for name in names})


class HookDetail(HookEndpoint):
    """One webhook endpoint."""

    refusals = (412,)

    @extend_schema(responses=HookOut, parameters=[etags.ETAG], summary="Retrieve a webhook endpoint")
    def get(self, request: Request, hook_id: uuid.UUID) -> Response:
        hook = self.hook(hook_id)
        return etags.with_tag(Response(HookOut(hook).data), tag_of(hook))

    @extend_schema(
        request=HookChange,
        responses=HookOut,
        parameters=[etags.IF_MATCH, etags.ETAG],
        summary="Update, pause or resume a webhook endpoint",
    )
    def patch(self, request: Request, hook_id: uuid.UUID) -> Response:
        hook = self.hook(hook_id)
        changes = self.trigger(self.validated(HookChange))
        with transaction.atomic():
            etags.unchanged(request, hook, tag_of)
            endpoints.change(actor=self.actor, hook=hook, changes=changes)
        return etags.with_tag(Response(HookOut(hook).data), tag_of(hook))

    @extend_schema(responses={204: None}, summary="Delete a webhook endpoint")
    def delete(self, request: Request, hook_id: uuid.UUID) -> Response:
        endpoints.delete(actor=self.actor, hook=self.hook(hook_id))
        return Response(status=204)


class HookSecrets(HookEndpoint):
    """The signing secrets of a webhook endpoint."""

    @extend_schema(
        request=RotationIn,
        responses={201: NewSecretOut},
        summary="Roll signing secret",
    )
    def post(self, request: Request, hook_id: uuid.UUID) -> Response:
        hours = self.validated(RotationIn)["overlap_hours"]
        row, secret = endpoints.rotate(actor=self.actor, hook=self.hook(hook_id), hours=hours)
        return Response({**NewSecretOut(row).data, "secret": secret}, status=201)


class TestHook(HookEndpoint):
    """Send a test message once."""

    @extend_schema(request=None, responses={201: HookDeliveryOut}, summary="Send a test message")
    def post(self, request: Request, hook_id: uuid.UUID) -> Response:
        delivery = endpoints.send_test(actor=self.actor, hook=self.hook(hook_id))
        return Response(HookDeliveryOut(delivery).data, status=201)


class HookDeliveries(HookEndpoint):
    """Delivered and pending messages of a webhook endpoint, newest first."""

    paged = True
    parameters = (
        OpenApiParameter("status", str, enum=list(HookDelivery.Status.values)),
        OpenApiParameter("lane", str, description="Incident ID"),
    )

    @extend_schema(responses=HookDeliveryOut(many=True), summary="List the deliveries of a webhook endpoint")
    def get(self, request: Request, hook_id: uuid.UUID) -> Response:
        rows = HookDelivery.objects.filter(hook=self.hook(hook_id)).select_related("event", "run")
        rows = rows.defer("event__body").filter(
            **self.choice_parameter("status", HookDelivery.Status.values), **self.text_parameter("lane")
        )
        return self.page(rows, HookDeliveryOut, ordering=("-seq",))


class ReplayHookDelivery(HookEndpoint):
    """Resend a failed delivery."""

    @extend_schema(request=None, responses=HookDeliveryOut, summary="Resend a failed delivery")
    def post(self, request: Request, hook_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        self.hook(hook_id)
        rows = HookDelivery.objects.filter(hook=hook_id).select_related("hook__workspace", "event", "run")
        delivery = self.get_or_404(rows, id=delivery_id)
        endpoints.replay_one(actor=self.actor, delivery=delivery)
        delivery.refresh_from_db()
        return Response(HookDeliveryOut(delivery).data)
