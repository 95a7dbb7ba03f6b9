"""Incidents of the REST API in the shape of webhooks (developer docs, webhooks v3)."""

from typing import Any

Json = dict[str, Any]


def as_delivered(incident: Json, status: str) -> Json:
    """Return an incident of the REST API as `data` of an event. status: as it was right after the change."""
    same = (
        "self",
        "html_url",
        "incident_key",
        "created_at",
        "title",
        "service",
        "escalation_policy",
        "teams",
    )
    assignments = incident.get("assignments")
    given = assignments if isinstance(assignments, list) else []
    return {
        "id": incident["id"],
        "type": "incident",
        "number": incident.get("incident_number"),
        "status": status,
        **{name: incident.get(name) for name in same},
        "incident_type": incident.get("incident_type") or {"name": "incident_default"},
        "assignees": [one.get("assignee") for one in given if isinstance(one, dict)],
        "priority": incident.get("priority"),
        "urgency": incident.get("urgency"),
        "reopened_at": None,
        "conference_bridge": None,
        "resolve_reason": incident.get("resolve_reason") if status == "resolved" else None,
    }
