"""The event of a passed deadline: an incident as PagerDuty shows it at that moment, and the deadline beside it."""

import json
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.payloads import body_names, fields
from pagerduty_app.payloads.field_names import EVENT, Names
from pagerduty_app.payloads.incidents import as_delivered
from workflows.catalog import Json, PassedDeadline

NOT_ACKNOWLEDGED, NOT_RESOLVED = "incident.not_acknowledged", "incident.not_resolved"
_DEADLINE = "deadline"
_FIELDS = {"minutes", "since", "due_at", "checked_at"}
_TIME: Json = {"type": "string", "format": "date-time"}
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "event": fields.EVENT,
        "incident": fields.INCIDENT,
        _DEADLINE: {
            "type": "object",
            "properties": {
                "minutes": {"type": "integer"},
                "since": _TIME,
                "due_at": _TIME,
                "checked_at": _TIME,
            },
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
FIELD_NAMES: Names = {
    **EVENT,
    **body_names.INCIDENT,
    "deadline.minutes": "Deadline minutes",
    "deadline.since": "Deadline counted from",
    "deadline.due_at": "Deadline",
    "deadline.checked_at": "Checked at",
}


def body(event_type: str, incident: Json, passed: PassedDeadline, checked_at: datetime) -> bytes:
    """The event, in the shape of PagerDuty's own. The same deadline always gets the same ID.

    incident: as PagerDuty's REST API shows it.
    """
    due_at = _text(passed.due_at)
    event = {
        "id": f"{event_type}:{passed.subject}:{_text(passed.since)}:{due_at}",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": due_at,
        "agent": None,
        "client": None,
        "data": {
            **as_delivered(incident, incident["status"]),
            _DEADLINE: {
                "minutes": round((passed.due_at - passed.since).total_seconds() / 60),
                "since": _text(passed.since),
                "due_at": due_at,
                "checked_at": _text(checked_at),
            },
        },
    }
    return json.dumps({"event": event}).encode()


def deadline_of(event: Any) -> Json | None:
    """Return the deadline of such an event (the object `event`), known by its fields; None for other events.

    Accept any value. PagerDuty's own bodies have no such part (developer docs, webhooks v3).
    """
    data = event.get("data") if isinstance(event, dict) else None
    found = data.get(_DEADLINE) if isinstance(data, dict) and data.get("type") == "incident" else None
    return found if isinstance(found, dict) and found.keys() == _FIELDS else None


def lifted(told: Json) -> Json:
    """Return the fields of a workflow with the deadline beside the incident."""
    incident = {name: value for name, value in told["incident"].items() if name != _DEADLINE}
    return {**told, "incident": incident, _DEADLINE: told["incident"][_DEADLINE]}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
