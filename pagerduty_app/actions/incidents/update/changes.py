"""Decide which changes of an incident to write, given its present state (api-schema, updateIncident).

A write may be hours late: from a recovered delivery, a parked run, a retry or a replay. Since 2025-09-18 a status of
`triggered` or `acknowledged` reopens and reassigns a resolved incident. So a status is written only if it still has
the intended effect, and who works on an incident is changed only while it is open.
"""

from dataclasses import dataclass
from typing import Any

from pagerduty_app.actions.incidents.update.fields import FIELDS, ONLY_OPEN
from workflows.catalog import Json

_OPEN = frozenset({"triggered", "acknowledged"})
_OF_STATUS = ("status", "resolution")
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

    @property
    def needs_open(self) -> bool:
        """Return whether PagerDuty may refuse it because another user was faster."""
        return "status" in self.send or not ONLY_OPEN.isdisjoint(self.send)

    @property
    def event_types(self) -> list[str]:
        """The event types that tell of it, each once."""
        kinds = EVENT_TYPES.get(self.send.get("status", ""), [])
        of_fields = [kind for name in self.send if name in FIELDS for kind in FIELDS[name].events]
        return list(dict.fromkeys([*kinds, *of_fields]))


def decide(asked: Json, incident: Json) -> Decision:
    """Return what to write of an input for an incident in that state."""
    status, present = asked.get("status"), incident["status"]
    reopens = present == "resolved" and status in _OPEN and asked.get("reopen", False)
    wanted = [name for name in FIELDS if name in asked and not FIELDS[name].shown(asked[name], incident)]
    late = ONLY_OPEN.intersection(wanted) if present == "resolved" and not reopens else frozenset()
    send = {name: asked[name] for name in wanted if name not in late}
    if status is None:
        return Decision(send, "already_resolved" if late else None if send else "unchanged")
    if status == present:
        return Decision(send, f"already_{present}")
    if present == "resolved" and status in _OPEN and not reopens:
        return Decision(send, "already_resolved")
    return Decision({**send, **{name: asked[name] for name in _OF_STATUS if name in asked}}, reopens=reopens)


def asked_of(data: Json) -> list[str]:
    """Return the names of the changes in an input."""
    return [name for name in (*FIELDS, *_OF_STATUS) if name in data]


def output(incident: Json, applied: list[str], reason: str | None, *, reopened: bool | None = False) -> Json:
    """Return the action's output. reopened: None if PagerDuty's log does not tell."""
    return {
        "incident": incident,
        "changed": bool(applied),
        "reason": reason,
        "applied": applied,
        "reopened": reopened,
    }


SCHEMA: dict[str, Any] = {
    "changed": {"type": "boolean", "title": "Changed"},
    "reason": {"type": ["string", "null"], "title": "Reason", "enum": [*REASONS, None], "x-words": REASONS},
    "applied": {"type": "array", "items": {"type": "string"}, "title": "Written"},
    "reopened": {"type": ["boolean", "null"], "title": "Reopened"},
}
