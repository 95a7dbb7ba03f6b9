"""One delivery of each kind that a trigger starts on, of our own making, in PagerDuty's shape."""

from typing import Any

Json = dict[str, Any]


def _reference(kind: str, some_id: str, summary: str) -> Json:
    return {
        "id": some_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{some_id}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{some_id}",
    }


def sample(happened: str, data: Json) -> Json:
    """One delivery of that kind, of our own making, in PagerDuty's shape."""
    return {
        "event": {
            "id": "01SAMPLE00000000000000000",
            "event_type": f"incident.{happened}",
            "resource_type": "incident",
            "occurred_at": "2026-11-02T09:30:00.000Z",
            "agent": _reference("user", "PUSER01", "Dana Rivera"),
            "client": None,
            "data": data,
        }
    }


def incident(status: str) -> Json:
    """The `data` of an event about an incident."""
    return {
        "id": "PSAMPLE1",
        "type": "incident",
        "self": "https://api.pagerduty.com/incidents/PSAMPLE1",
        "html_url": "https://acme.pagerduty.com/incidents/PSAMPLE1",
        "number": 42,
        "status": status,
        "incident_key": "checkout-latency",
        "created_at": "2026-11-02T09:29:58Z",
        "title": "Checkout answers slowly",
        "incident_type": {"name": "incident_default"},
        "service": _reference("service", "PSVC001", "Payments"),
        "assignees": [_reference("user", "PUSER01", "Dana Rivera")],
        "escalation_policy": _reference("escalation_policy", "PPOL001", "Payments on call"),
        "teams": [_reference("team", "PTEAM01", "Platform")],
        "priority": _reference("priority", "PPRIO01", "P1"),
        "urgency": "high",
        "reopened_at": None,
        "conference_bridge": None,
        "resolve_reason": None,
    }


def note() -> Json:
    """The `data` of an event about a note."""
    return {
        "id": "PNOTE01",
        "type": "incident_note",
        "content": "The queue is full; looking into it",
        "trimmed": False,
        "incident": _reference("incident", "PSAMPLE1", "Checkout answers slowly"),
    }
