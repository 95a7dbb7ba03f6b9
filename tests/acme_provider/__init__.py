"""A second provider, as a room of its own would register it: no line of the platform knows it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from connections.grants import registry
from connections.grants.registry import AppCredentials, Lifetimes, OAuthProvider, Tokens
from core.db import clock
from workflows import catalog
from workflows.catalog import ActionType, Caller, Delivery, TriggerType

HEADER = "X-Acme-Digest"
SCOPES = {"orders:read": "read orders", "orders:write": "change orders"}
SAMPLE = {"order": {"id": "A-1", "total": "12.50"}}
TEXT = {"type": "string"}
# What its actions did: (access token, order, comment).
DONE: list[tuple[str, str, str]] = []


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


class Comment(serializers.Serializer[Any]):
    order = serializers.CharField()
    comment = serializers.CharField()


def comment(api: str, data: dict[str, Any], caller: Caller) -> dict[str, Any]:
    DONE.append((api, data["order"], data["comment"]))
    return {"comment": {"id": f"C{len(DONE)}"}}


def digest(body: bytes, secret: str) -> str:
    return "md=" + hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> int | None:
    matching = (index for index, secret in enumerate(secrets) if header == digest(body, secret))
    return next(matching, None)


def read_delivery(body: bytes) -> Delivery:
    sent = json.loads(body)
    return Delivery(external_id=sent["id"], event_type=sent["type"], lane=sent["order"]["id"])


def open_api(region: str, token: str, on_request: Callable[[], None], on_answer: Any = None) -> str:
    on_request()
    return token


def refresh(refresh_token: str, app: AppCredentials | None) -> Tokens:
    return Tokens("access-2", "refresh-2", list(SCOPES), clock.now() + timedelta(hours=1))


PROVIDER = OAuthProvider(
    key="acme",
    name="Acme Shop",
    scopes=SCOPES,
    refresh=refresh,
    revoke=lambda refresh_token, app: True,
    missing_scopes=lambda granted: [scope for scope in SCOPES if scope not in granted],
    lifetimes=lambda granted: Lifetimes(timedelta(days=30), timedelta(days=90)),
    probe=lambda region, access_token: "Acme Shop answers.",
    start=lambda request, connection, **options: HttpResponse(status=302),
    removal_hint="Settings, Apps.",
    account_called="shop",
    account_example="acme-shop",
    account_of=lambda typed: typed.strip().lower(),
    redirect_url=lambda: "https://taskjuice.example/acme/callback",
    own_app_hint="",
    requests_per_minute=60,
    asks=lambda *, own_app, optional: SCOPES,
)
INTEGRATION = catalog.Integration(
    key="acme",
    name="Acme Shop",
    description="React to orders and comment on them.",
    open_api=open_api,
    covers=lambda scope, granted: scope in granted,
    signature_header=HEADER,
    verify=verify,
    read_delivery=read_delivery,
    trigger_fields=lambda payload: {"order": payload["order"]},
    sample_delivery=lambda kind, external_id: json.dumps(SAMPLE | {"id": external_id}).encode(),
    webhooks=catalog.Webhooks(
        delivers_when="an order is placed",
        clicks="",
        how_to_confirm="Place an order.",
        refusals_to_disable=10,
        looks_signed=bool,
        in_words=lambda payload: catalog.Words(subject="An order"),
    ),
    triggers={
        "acme/order-placed": TriggerType(
            key="acme/order-placed",
            name="Order placed",
            description="When somebody orders.",
            event_types=frozenset({"order.placed"}),
            sample=SAMPLE,
            output_schema={
                "type": "object",
                "properties": {
                    "order": {
                        "type": "object",
                        "properties": {"id": {"type": "string"}, "total": {"type": "string"}},
                    }
                },
            },
        )
    },
    actions={
        "acme/comment": ActionType(
            key="acme/comment",
            name="Comment on an order",
            description="Add a comment.",
            scope="orders:write",
            input=Comment,
            output_schema={
                "type": "object",
                "properties": {"comment": {"type": "object", "properties": {"id": {"type": "string"}}}},
            },
            writes=True,
            sample_input={"order": "A-1", "comment": "Thank you"},
            perform=comment,
        )
    },
)


def register() -> Callable[[], None]:
    """Register it; return what takes it out again."""
    DONE.clear()
    registry.register(PROVIDER)
    catalog.register(INTEGRATION)

    def leave() -> None:
        registry._providers.pop("acme")
        catalog._integrations.pop("acme")

    return leave
