"""The five commonest jobs as drafts to begin with; in whose name and on which service is left for people to say."""

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
    description="When an urgent incident is triggered, adds a note to it that says where the runbook is.",
    trigger=_TRIGGERED,
    conditions=_all(["trigger.incident.urgency", "equals", "high"]),
    steps=[
        _step(
            "note",
            "create-incident-note",
            "Add the runbook",
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
    description="Opens the same incident on another service as well, so that a second team sees it. Mirrored ones "
    "are not mirrored again.",
    trigger=_TRIGGERED,
    conditions=_all(["trigger.incident.incident_key", "not_contains", _MIRROR]),
    steps=[
        _step(
            "mirror",
            "create-incident",
            "Open it there",
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
    name="Acknowledge in a window",
    description="Acknowledges incidents of low urgency that are triggered between 22:00 and 06:00 UTC. Hours, days and "
    "time zone can be changed: Mon-Fri 22:00-06:00 Europe/London. PagerDuty may assign what is acknowledged to the "
    "user in whose name it is done.",
    trigger=_TRIGGERED,
    conditions=_all(
        ["trigger.event.occurred_at", "within", "22:00-06:00 UTC"],
        ["trigger.incident.urgency", "equals", "low"],
    ),
    steps=[
        _step(
            "acknowledge",
            "update-incident",
            "Acknowledge it",
            {"incident_id": _INCIDENT, "status": "acknowledged"},
        )
    ],
)
_ESCALATED = Recipe(
    key="pagerduty/escalate",
    name="Escalate by urgency",
    description="When an urgent incident is triggered, opens a follow-up on the service of whoever has to know, and "
    "says so in a note.",
    trigger=_TRIGGERED,
    conditions=_all(
        ["trigger.incident.urgency", "equals", "high"],
        ["trigger.incident.incident_key", "not_contains", _FOLLOW_UP],
    ),
    steps=[
        _step(
            "escalate",
            "create-incident",
            "Open the follow-up",
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
            "Say so on the incident",
            {
                "incident_id": _INCIDENT,
                "content": "A follow-up was opened: {{ steps.escalate.incident.html_url }}",
            },
        ),
    ],
)
_TOGETHER = Recipe(
    key="pagerduty/resolve-follow-up",
    name="Resolve the follow-up with the original",
    description="When an incident is resolved, resolves the follow-up that “Escalate by urgency” opened for it, if "
    "that is still open.",
    trigger=_RESOLVED,
    steps=[
        _step(
            "find",
            "list-incidents",
            "Find the follow-up",
            {
                "incident_key": f"{_FOLLOW_UP}{_INCIDENT}",
                "statuses": ["triggered", "acknowledged"],
                "date_range": "all",
            },
        ),
        _step(
            "resolve",
            "update-incident",
            "Resolve it",
            {"incident_id": "{{ steps.find.incidents[0].id }}", "status": "resolved"},
            only_if=_all(["steps.find.incidents.0.id", "exists", True]),
        ),
    ],
)
RECIPES = {recipe.key: recipe for recipe in (_NOTE, _MIRRORED, _AT_NIGHT, _ESCALATED, _TOGETHER)}
