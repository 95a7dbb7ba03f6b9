"""The context of one call's page: its state in words, what went in, what came out, and what can be done next."""

from typing import Any

from connections.models import Connection
from core.text import json_preview
from workflows import catalog
from workflows.catalog import ActionType, Json
from workflows.formatting import error_hints, summaries
from workflows.formatting.labels import title_of
from workflows.models import ActionCall

Status = ActionCall.Status
_OPEN = frozenset({Status.PENDING, Status.RUNNING, Status.WAITING})


def seen(call: ActionCall) -> str:
    """Changes when the page of an open call has something new to show."""
    parts = [call.status, str(call.attempts), *map(str, (call.progress or {}).values())]
    return "-".join(parts)


def context_of(call: ActionCall) -> dict[str, Any]:
    """For the template calls/detail.html."""
    integration = catalog.integration(call.connection.provider)
    action = catalog.find_action(call.action)
    error = call.error if isinstance(call.error, dict) else {}
    schema = action.output_schema if action else {}
    return {
        "call": call,
        "connection": call.connection,
        "provider": integration,
        "action": action,
        "open": call.status in _OPEN,
        "seen": seen(call),
        "given": summaries.of_input(catalog.input_schema(call.action), call.input),
        "reading": summaries.of_output(schema, call.output, integration.owns_link),
        "error": error,
        "at_fault": _fields(error, call.action),
        "hint": error_hints.for_error(error, integration),
        "raw": [
            (name, *json_preview.shown(value))
            for name, value in (("Input", call.input), ("Output", call.output), ("Error", call.error))
            if value is not None
        ],
        "again": action.path if action and call.connection.status == Connection.Status.ACTIVE else None,
        "next": _next(call, integration),
    }


def _fields(error: Json, action_key: str) -> list[tuple[str, str]]:
    """The inputs at fault, by the names the form gives them, each with what is wrong."""
    detail = error.get("detail")
    fields = detail.get("fields") if isinstance(detail, dict) else None
    properties = catalog.input_schema(action_key)["properties"]
    return [
        (title_of(name, properties.get(name, {})), " ".join(map(str, errors)))
        for name, errors in (fields or {}).items()
        if isinstance(errors, list)
    ]


def _next(call: ActionCall, integration: catalog.Integration) -> list[tuple[ActionType, str, str]]:
    """Actions that go on from the object this one answered: each with the input and its value.

    An output {"incident": {"id": …}} goes with the actions that need `incident_id`.
    """
    output = call.output if isinstance(call.output, dict) else {}
    objects = ((name, value.get("id")) for name, value in output.items() if isinstance(value, dict))
    name, some_id = next(objects, ("", None))
    wanted = f"{name}_id"
    if call.connection.status != Connection.Status.ACTIVE or not isinstance(some_id, str):
        return []
    return [
        (action, wanted, some_id)
        for action in integration.actions.values()
        if action.key != call.action and wanted in catalog.input_schema(action.key).get("required", [])
    ]
