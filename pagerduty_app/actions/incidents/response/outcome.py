"""Outputs of writes that may find nothing left to do, and the incident's state that decides about it."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors import table
from workflows.catalog import Json

ALREADY_RESOLVED = "already_resolved"
RESOLVED = {ALREADY_RESOLVED: "The incident is already resolved."}


def settles_in(data: Json) -> timedelta:
    """Return how long a write without a response may still take effect."""
    return timedelta(seconds=settings.PAGERDUTY_SETTLE_SECONDS)


def present(api: Api, incident_id: str) -> Json:
    """Return the incident as it is now. Raise PagerDutyError."""
    return object_of(api.get_incident(incident_id), "incident", needs=("id", "status"))


def is_resolved(incident: Json) -> bool:
    return bool(incident["status"] == "resolved")


def says_resolved(error: PagerDutyError) -> bool:
    """Return whether PagerDuty refused because the incident is resolved."""
    return table.find(error.code, error.status).name == "incident_already_resolved"


def schema(properties: Json, reasons: dict[str, str]) -> dict[str, Any]:
    """Return the schema of an output with `changed` and `reason`. reasons: why nothing was written."""
    both = {
        "changed": {"type": "boolean", "title": "Changed"},
        "reason": {
            "type": ["string", "null"],
            "title": "Reason",
            "enum": [*reasons, None],
            "x-words": reasons,
        },
    }
    whole = {**properties, **both}
    return {"type": "object", "properties": whole, "required": [*whole], "additionalProperties": False}
