"""Decide which changes of an incident to write, given its present state (api-schema, updateIncident).

A write may be hours late: from a recovered delivery, a parked run, a retry or a replay. Since 2025-09-18 a status of
`triggered` or `acknowledged` reopens and reassigns a resolved incident. So a status is written only if it still has
the intended effect.
"""

from dataclasses import dataclass
from typing import Any

from workflows.catalog import Json

CHANGES = ("status", "title", "urgency", "resolution")
_OPEN = frozenset({"triggered", "acknowledged"})
REASONS = {
    "already_resolved": "The incident is already resolved.",
    "already_acknowledged": "The incident is already acknowledged.",
    "already_triggered": "The incident is already triggered.",
    "unchanged": "The incident already has these values.",
    "resolved_meanwhile": "It was resolved between our check and our update, and the update reopened it.",
}
# Event types that an update to a status may cause. Acknowledging in a user's name may also reassign, and it reopens
# an incident that was resolved just before.
EVENT_TYPES = {
    "acknowledged": ["incident.acknowledged", "incident.reassigned", "incident.reopened"],
    "resolved": ["incident.resolved"],
    "triggered": ["incident.unacknowledged", "incident.reopened"],
}


@dataclass(frozen=True)
class Decision:
    """send: the fields to write. reason: why requested fields are left out. reopens: whether to reopen it."""

    send: Json
    reason: str | None = None
    reopens: bool = False


def decide(asked: Json, incident: Json) -> Decision:
    """Return what to write of an input for an incident in that state."""
    send = {name: asked[name] for name in ("title", "urgency") if _differs(name, asked, incident)}
    status, present = asked.get("status"), incident["status"]
    if status is None:
        return Decision(send, None if send else "unchanged")
    if status == present:
        return Decision(send, f"already_{present}")
    reopens = present == "resolved" and status in _OPEN
    if reopens and not asked.get("reopen", False):
        return Decision(send, "already_resolved")
    return Decision({**send, **_given(asked, "status", "resolution")}, reopens=reopens)


def output(incident: Json, applied: list[str], reason: str | None, *, reopened: bool | None = False) -> Json:
    """Return the action's output. reopened: None if PagerDuty's log does not tell."""
    return {
        "incident": incident,
        "changed": bool(applied),
        "reason": reason,
        "applied": applied,
        "reopened": reopened,
    }


def _given(asked: Json, *names: str) -> Json:
    return {name: asked[name] for name in names if name in asked}


def _differs(name: str, asked: Json, incident: Json) -> bool:
    return name in asked and incident.get(name) != asked[name]


SCHEMA: dict[str, Any] = {
    "changed": {"type": "boolean", "title": "Changed"},
    "reason": {"type": ["string", "null"], "title": "Reason", "enum": [*REASONS, None], "x-words": REASONS},
    "applied": {"type": "array", "items": {"type": "string"}, "title": "Written"},
    "reopened": {"type": ["boolean", "null"], "title": "Reopened"},
}
