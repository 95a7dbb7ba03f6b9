"""A second provider, as an app of its own would register it: no line of the platform knows it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from allauth.socialaccount import providers as allauth_providers
from rest_framework import serializers

from connections.grants import registry
from tests.acme_provider import provider
from workflows import catalog
from workflows.catalog import ActionType, Caller, Delivery, TriggerType

HEADER = "X-Acme-Digest"
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


def open_api(region: str, token: str, on_request: Callable[[], float | None], on_answer: Any = None) -> str:
    on_request()
    return token


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
            description="When a customer orders.",
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
    """Register it; return what takes it out again. allauth finds providers of installed apps by itself."""
    DONE.clear()
    registry.register(provider.PROVIDER)
    catalog.register(INTEGRATION)
    for one in provider.provider_classes:
        allauth_providers.registry.register(one)

    def leave() -> None:
        allauth_providers.registry.provider_map.pop("acme")
        registry._providers.pop("acme")
        catalog._integrations.pop("acme")

    return leave
