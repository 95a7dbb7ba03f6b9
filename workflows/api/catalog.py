"""GET catalog/: every integration with its triggers and actions, as another program needs them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from workflows import catalog


class Catalog(Endpoint):
    """The available providers, triggers and actions."""

    required_scope = "connections:read"

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="List triggers and actions with their JSON Schemas")
    def get(self, request: Request) -> Response:
        return Response({"integrations": [_integration(known) for known in catalog.integrations()]})


def _integration(known: catalog.Integration) -> dict[str, Any]:
    return {
        "key": known.key,
        "name": known.name,
        "description": known.description,
        "triggers": [_trigger(known, trigger) for trigger in known.triggers.values()],
        "actions": [_action(action) for action in known.actions.values()],
    }


def _trigger(known: catalog.Integration, trigger: catalog.TriggerType) -> dict[str, Any]:
    return {
        "key": trigger.key,
        "name": trigger.name,
        "description": trigger.description,
        "group": trigger.group,
        "event_types": sorted(trigger.event_types),
        "more_event_types": {name: sorted(types) for name, types in trigger.more_event_types.items()},
        "event_types_option": trigger.event_types_option or None,
        "options_schema": catalog.options_schema(trigger.key),
        "polled": trigger.poll is not None,
        "deadline": trigger.deadline is not None,
        "delivered_event_types": sorted(trigger.deadline.delivered) if trigger.deadline else None,
        "scopes": list(asks.scopes) if (asks := trigger.poll or trigger.deadline) else [],
        "output_schema": trigger.output_schema,
        "sample": trigger.sample,
    }


def _action(action: catalog.ActionType) -> dict[str, Any]:
    return {
        "key": action.key,
        "name": action.name,
        "description": action.description,
        "scope": action.scope,
        "writes": action.writes,
        "input_schema": catalog.input_schema(action.key),
        "output_schema": action.output_schema,
        "sample": action.sample_input,
    }
