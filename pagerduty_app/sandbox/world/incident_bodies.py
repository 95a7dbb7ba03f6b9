"""The `data` of webhook events about incidents (developer docs, webhooks v3)."""

from typing import Any

from pagerduty_app.sandbox.world.start import reference, reference_to

Json = dict[str, Any]
_SAME = (
    "id",
    "self",
    "html_url",
    "status",
    "incident_key",
    "created_at",
    "title",
    "service",
    "escalation_policy",
)


def whole(incident: Json, bridge: Json | None) -> Json:
    """Return an incident. bridge: its conference bridge."""
    priority = incident.get("priority")
    return {
        **{name: incident[name] for name in _SAME},
        "type": "incident",
        "number": incident["incident_number"],
        "incident_type": incident["incident_type"],
        "assignees": [assignment["assignee"] for assignment in incident["assignments"]],
        "teams": incident["teams"],
        "priority": reference_to(priority) if priority else None,
        "urgency": incident["urgency"],
        "reopened_at": incident.get("reopened_at"),
        "conference_bridge": bridge,
        "resolve_reason": incident.get("resolve_reason"),
    }


def part(base_url: str, incident: Json, fields: Json) -> Json:
    """Return a part of an incident, such as a note, with the incident it belongs to."""
    return {"incident": reference(base_url, "incident", incident["id"], incident["title"]), **fields}


def conference_bridge(base_url: str, incident: Json, bridge: Json) -> Json:
    number = bridge["conference_number"]
    fields = {
        "conference_numbers": [{"label": "", "number": number}] if number else [],
        "conference_url": bridge["conference_url"] or None,
        "type": "incident_conference_bridge",
    }
    return part(base_url, incident, fields)
