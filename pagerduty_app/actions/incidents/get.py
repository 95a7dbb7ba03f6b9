"""pagerduty/get-incident: an incident, on request with custom fields, its first log entry and its alerts."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import INCIDENT, REFERENCE, incident_field
from pagerduty_app.actions.incidents.reads import alerts
from pagerduty_app.actions.listings import collect
from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.field_names import Names
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput

# The first two are include[] of getIncident (api-schema); alerts are a request of their own.
_ALERTS = "alerts"
_INCLUDES = {
    "custom_fields": "Custom fields",
    "first_trigger_log_entries": "First trigger log entry",
    _ALERTS: "Alerts, with what the monitoring tool sent",
}
_OF_ALERTS = (_ALERTS, "complete", "incomplete_reason")


class GetIncidentInput(ActionInput):
    incident_id = incident_field()
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=list(_INCLUDES.items())),
        required=False,
        allow_empty=False,
        label="Include",
    )


def get(api: Api, data: Json, caller: Caller) -> Json:
    """Return {"incident": …}; with alerts also these, and whether they are all."""
    wanted = data.get("include", [])
    asked = [name for name in wanted if name != _ALERTS]
    with provider_errors():
        answer = api.get_incident(data["incident_id"], {"include": asked} if asked else {})
        if _ALERTS not in wanted:
            return answer
        walk = api.everything(_ALERTS, {}, caller.until, data["incident_id"])
        found = collect(_ALERTS, walk, None, caller)
    return answer | {name: found[name] for name in _OF_ALERTS if name in found}


_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_FIELD_VALUE: dict[str, Any] = {
    "type": "object",
    # A value is of any type: text, a number, true or false, a list of these, or null.
    "properties": {**dict.fromkeys(("name", "display_name", "id"), _TEXT), "value": {}},
}
_FIRST_ENTRY: dict[str, Any] = {
    "type": ["object", "null"],
    "properties": {
        **dict.fromkeys(("summary", "type", "html_url", "id"), _TEXT),
        "created_at": {"type": "string", "format": "date-time"},
        "agent": REFERENCE,
        "channel": {
            "type": ["object", "null"],
            "properties": {
                **dict.fromkeys(("type", "summary"), _TEXT),
                "details": {"type": ["object", "string", "null"]},
            },
        },
    },
}
_INCIDENT = {
    **INCIDENT,
    "properties": {
        **INCIDENT["properties"],
        "custom_fields": {"type": "array", "items": _FIELD_VALUE},
        "first_trigger_log_entry": _FIRST_ENTRY,
    },
}
_FIRST = "incident.first_trigger_log_entry"
_NAMES: Names = {
    **field_names.of_answered_incident("incident"),
    **field_names.of_items(
        "incident.custom_fields",
        "custom field",
        {"name": "name", "display_name": "display name", "id": "ID", "value": "value"},
    ),
    **field_names.of_reference(_FIRST, "First log entry", "First log entry summary"),
    f"{_FIRST}.created_at": "First log entry time",
    f"{_FIRST}.channel.type": "First log entry channel",
    f"{_FIRST}.channel.summary": "First log entry channel summary",
    f"{_FIRST}.channel.details": "First log entry details",
    **field_names.of_reference(f"{_FIRST}.agent", "First log entry actor"),
    **alerts.names(),
    "complete": "All alerts",
    "incomplete_reason": "Reason for missing alerts",
}

GET = ActionType(
    key="pagerduty/get-incident",
    name="Get incident",
    description="Retrieves an incident, on request with its custom fields, first log entry and alerts.",
    scope="incidents.read",
    writes=False,
    input=GetIncidentInput,
    output_schema={
        "type": "object",
        "properties": {
            "incident": _INCIDENT,
            "alerts": {"type": "array", "items": alerts.ALERT},
            "complete": {"type": "boolean"},
            "incomplete_reason": {"type": "string"},
        },
        "required": ["incident"],
        "additionalProperties": False,
    },
    field_names=_NAMES,
    sample_input={"incident_id": "PABC123"},
    perform=get,
)
