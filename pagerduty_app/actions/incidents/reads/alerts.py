"""pagerduty/list-incident-alerts: the alerts of an incident with the payload of the monitoring tool."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import REFERENCE, ListingInput, incident_field, many
from pagerduty_app.actions.listings import all_pages, in_background, listing, stream
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.field_names import Names
from workflows.catalog import ActionType
from workflows.catalog.schemas import Text

_STATUSES = ["triggered", "resolved"]
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_CONTEXT = {"type": "object", "properties": dict.fromkeys(("type", "href", "src", "text"), _TEXT)}


class ListAlertsInput(ListingInput):
    incident_id = incident_field()
    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=_STATUSES), required=False, allow_empty=False, label="Statuses"
    )
    alert_key = Text(
        max_length=255,
        required=False,
        label="Alert key",
        help_text="Deduplication key of the monitoring tool",
    )


# api-schema, Alert. What `details` holds is up to the monitoring tool.
ALERT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": _TEXT,
        "severity": {"type": ["string", "null"], "enum": ["critical", "error", "warning", "info", None]},
        "status": {"type": "string", "enum": _STATUSES},
        "created_at": {"type": "string", "format": "date-time"},
        "body": {
            "type": ["object", "null"],
            "properties": {
                "details": {"type": ["object", "string", "null"]},
                "contexts": {"type": "array", "items": _CONTEXT},
            },
        },
        "service": REFERENCE,
        "integration": REFERENCE,
        "suppressed": {"type": "boolean"},
        "alert_key": _TEXT,
        "html_url": _TEXT,
        "id": {"type": "string"},
    },
    "required": ["id"],
}


def names(path: str = "alerts", what: str = "alert") -> Names:
    """Return the display names of a list of alerts at that path."""
    found = field_names.of_items(
        path,
        what,
        {
            "id": "ID",
            "summary": "summary",
            "severity": "severity",
            "status": "status",
            "created_at": "created at",
            "body.details": "details",
            "suppressed": "suppressed",
            "alert_key": "key",
            "html_url": "URL",
        },
        {"service": "service", "integration": "integration"},
    )
    parts = {"type": "type", "href": "URL", "src": "image URL", "text": "text"}
    for place, name in field_names.items(path, what):
        of_alert = f"{name[0].lower()}{name[1:]}"
        found |= field_names.of_items(f"{place}.body.contexts", f"context of {of_alert}", parts)
    return found


ACTION = ActionType(
    key="pagerduty/list-incident-alerts",
    name="List incident alerts",
    description="Lists the alerts of an incident, with what the monitoring tool sent.",
    scope="incidents.read",
    writes=False,
    input=ListAlertsInput,
    output_schema=many("alerts", ALERT),
    field_names=field_names.LISTING | names(),
    sample_input={"incident_id": "PABC123", "all": True},
    perform=listing("alerts"),
    stream=stream("alerts"),
    step_defaults=all_pages,
    in_background=in_background,
)
