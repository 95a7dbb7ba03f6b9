"""The commonest jobs as drafts to begin with; in whose name and on which service is left for people to say."""

from typing import Any

from workflows.catalog import Json, Recipe

_TRIGGERED, _RESOLVED = "pagerduty/incident-triggered", "pagerduty/incident-resolved"
_INCIDENT = "{{ trigger.incident.id }}"
_TITLE = "{{ trigger.incident.title }}"
_FOLLOW_UP = "follow-up-"
_MIRROR = "mirror-"


def _step(key: str, action: str, name: str, given: Json, **more: Json) -> Json:
    return {"key": key, "name": name, "action": f"pagerduty/{action}", "input": given, **more}


def _all(*rows: list[Any]) -> Json:
    return {"match": "all", "rows": list(rows)}


_NOTE = Recipe(
    key="pagerduty/runbook-note",
    name="Runbook note",
    description="Adds a note with the runbook link when an urgent incident is triggered.",
    trigger=_TRIGGERED,
    conditions=_all(["trigger.incident.urgency", "equals", "high"]),
    steps=[
        _step(
            "note",
            "create-incident-note",
            "Add runbook note",
            {
                "incident_id": _INCIDENT,
                "content": "Runbook for {{ trigger.incident.service.summary }}: put its address here",
            },
        )
    ],
)
_MIRRORED = Recipe(
    key="pagerduty/mirror",
    name="Mirror to a second service",
    description="Creates the same incident on another service, so that a second team sees it. Mirrored "
    "incidents are not mirrored again.",
    trigger=_TRIGGERED,
    conditions=_all(["trigger.incident.incident_key", "not_contains", _MIRROR]),
    steps=[
        _step(
            "mirror",
            "create-incident",
            "Create mirrored incident",
            {
                "title": _TITLE,
                "urgency": "{{ trigger.incident.urgency }}",
                "details": "Mirrors incident {{ trigger.incident.number }}: {{ trigger.incident.html_url }}",
                "incident_key": f"{_MIRROR}{_INCIDENT}",
            },
        )
    ],
)
_AT_NIGHT = Recipe(
    key="pagerduty/acknowledge-in-a-window",
    name="Auto-acknowledge during set hours",
    description="Acknowledges low-urgency incidents triggered between 22:00 and 06:00 UTC. Hours, days and "
    "time zone can be changed: Mon-Fri 22:00-06:00 Europe/London. PagerDuty may assign the "
    "incident to the user who acknowledges it.",
    trigger=_TRIGGERED,
    conditions=_all(
        ["trigger.event.occurred_at", "within", "22:00-06:00 UTC"],
        ["trigger.incident.urgency", "equals", "low"],
    ),
    steps=[
        _step(
            "acknowledge",
            "update-incident",
            "Acknowledge incident",
            {"incident_id": _INCIDENT, "status": "acknowledged"},
        )
    ],
)
_ESCALATED = Recipe(
    key="pagerduty/escalate",
    name="Escalate by urgency",
    description="Creates a follow-up incident on another service when an urgent incident is triggered, and "
    "adds a note with its link.",
    trigger=_TRIGGERED,
    conditions=_all(
        ["trigger.incident.urgency", "equals", "high"],
        ["trigger.incident.incident_key", "not_contains", _FOLLOW_UP],
    ),
    steps=[
        _step(
            "escalate",
            "create-incident",
            "Create follow-up incident",
            {
                "title": f"Follow-up: {_TITLE}",
                "urgency": "high",
                "details": "Of incident {{ trigger.incident.number }}: {{ trigger.incident.html_url }}",
                "incident_key": f"{_FOLLOW_UP}{_INCIDENT}",
            },
        ),
        _step(
            "tell",
            "create-incident-note",
            "Add note to incident",
            {
                "incident_id": _INCIDENT,
                "content": "Follow-up created: {{ steps.escalate.incident.html_url }}",
            },
        ),
    ],
)
_TOGETHER = Recipe(
    key="pagerduty/resolve-follow-up",
    name="Auto-resolve follow-up incidents",
    description="Resolves the follow-up created by “Escalate by urgency” when the original incident is resolved.",
    trigger=_RESOLVED,
    steps=[
        _step(
            "find",
            "list-incidents",
            "Find follow-up incident",
            {
                "incident_key": f"{_FOLLOW_UP}{_INCIDENT}",
                "statuses": ["triggered", "acknowledged"],
                "date_range": "all",
            },
        ),
        _step(
            "resolve",
            "update-incident",
            "Resolve follow-up incident",
            {"incident_id": "{{ steps.find.incidents[0].id }}", "status": "resolved"},
            only_if=_all(["steps.find.incidents.0.id", "exists", True]),
        ),
    ],
)
_OVERDUE = Recipe(
    key="pagerduty/note-if-not-acknowledged",
    name="Note if not acknowledged",
    description="When a high-urgency incident is not acknowledged within 10 minutes, adds a note.",
    trigger="pagerduty/incident-not-acknowledged",
    options={"minutes": 10, "urgencies": ["high"]},
    conditions=_all(["trigger.incident.urgency", "equals", "high"]),
    steps=[
        _step(
            "note",
            "create-incident-note",
            "Add note",
            {
                "incident_id": _INCIDENT,
                "content": "Not acknowledged within {{ trigger.deadline.minutes }} minutes.",
            },
        )
    ],
)
RECIPES = {recipe.key: recipe for recipe in (_NOTE, _MIRRORED, _AT_NIGHT, _ESCALATED, _TOGETHER, _OVERDUE)}
