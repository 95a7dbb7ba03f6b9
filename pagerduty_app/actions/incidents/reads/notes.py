"""pagerduty/list-incident-notes: all notes of an incident; PagerDuty does not page them (api-schema)."""

from typing import Any

from pagerduty_app.actions.fields import REFERENCE, incident_field, one
from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput

_TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
_NOTE = {
    "type": "object",
    "properties": {
        "content": {"type": "string"},
        "created_at": _TIME,
        "updated_at": _TIME,
        "user": REFERENCE,
        "channel": {"type": ["object", "null"], "properties": {"summary": {"type": "string"}}},
        "id": {"type": "string"},
    },
    "required": ["id", "content"],
}


class ListNotesInput(ActionInput):
    incident_id = incident_field()


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with provider_errors():
        return {"notes": api.list_notes(data["incident_id"])}


ACTION = ActionType(
    key="pagerduty/list-incident-notes",
    name="List incident notes",
    description="Lists all notes of an incident.",
    scope="incidents.read",
    writes=False,
    input=ListNotesInput,
    output_schema=one("notes", {"type": "array", "items": _NOTE}),
    field_names=field_names.of_items(
        "notes",
        "note",
        {
            "id": "ID",
            "content": "content",
            "created_at": "created at",
            "updated_at": "updated at",
            "channel.summary": "channel",
        },
        {"user": "author"},
    ),
    sample_input={"incident_id": "PABC123"},
    perform=perform,
)
