"""Events about schedules, which PagerDuty does not post: their shape, which is that of PagerDuty's own, and reading."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workflows.catalog import Json

CHANGED, GAP_AHEAD, STARTING = (
    "schedule.on_call_changed",
    "schedule.on_call_gap_ahead",
    "schedule.on_call_starting",
)
_LONGEST_ID = 200
_LONGEST_NAME = 60
_NAMED = 3

_USER: Json = {
    "type": "object",
    "properties": {name: {"type": ["string", "null"]} for name in ("id", "summary", "email", "html_url")},
    "additionalProperties": False,
}
_USERS: Json = {"type": "array", "items": _USER}
_TIME: Json = {"type": "string", "format": "date-time"}
_TIME_IF_KNOWN: Json = {"type": ["string", "null"], "format": "date-time"}
_SCHEDULE: Json = {
    "type": "object",
    "properties": {name: {"type": ["string", "null"]} for name in ("id", "summary", "html_url")},
    "additionalProperties": False,
}
_EVENT: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "event_type": {"type": "string"},
        "occurred_at": _TIME,
        "resource_type": {"type": "string"},
        # By the clock, and by us: there is neither.
        "agent": {"type": "null"},
        "client": {"type": "null"},
    },
}
# Event type → type of its data, and the fields of that.
_KINDS: dict[str, tuple[str, Json]] = {
    CHANGED: (
        "on_call_change",
        {
            "schedule": _SCHEDULE,
            "users_before": _USERS,
            "users_now": _USERS,
            "at": _TIME,
            "until": _TIME_IF_KNOWN,
            "recovered": {"type": "boolean"},
        },
    ),
    GAP_AHEAD: ("on_call_gap", {"schedule": _SCHEDULE, "at": _TIME, "until": _TIME_IF_KNOWN}),
    STARTING: (
        "on_call_start",
        {"schedule": _SCHEDULE, "users_starting": _USERS, "at": _TIME, "until": _TIME_IF_KNOWN},
    ),
}
_FIELDS_OF = dict(_KINDS.values())


def body(event_type: str, occurred_at: datetime, data: Json, identity: Iterable[Any]) -> bytes:
    """Return an event. data: its fields. identity: JSON; the same schedule, `at` and identity get the same id."""
    digest = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest()[:16]
    kind, _ = _KINDS[event_type]
    event = {
        "id": f"{_PREFIXES[event_type]}-{data['schedule']['id']}-{data['at']}-{digest}",
        "event_type": event_type,
        "resource_type": "schedule",
        "occurred_at": occurred_at.isoformat(),
        "agent": None,
        "client": None,
        "data": {"type": kind, **data},
    }
    return json.dumps({"event": event}).encode()


_PREFIXES = {CHANGED: "on-call", GAP_AHEAD: "on-call-gap", STARTING: "on-call-start"}


def schema(event_type: str) -> Json:
    """Return the JSON Schema of what a workflow sees of such an event."""
    _, fields_of = _KINDS[event_type]
    return {"type": "object", "additionalProperties": False, "properties": {"event": _EVENT, **fields_of}}


def is_one(data: Any) -> bool:
    kind = data.get("type") if isinstance(data, dict) else None
    return isinstance(kind, str) and kind in _FIELDS_OF


def fields(data: Json) -> Json:
    """The fields that a workflow sees beside `event`."""
    return {name: data.get(name) for name in _FIELDS_OF[data["type"]]}


def schedule_id(data: Any) -> str:
    """The ID of the event's schedule; "" for other events. Events of one schedule are handled in order."""
    schedule = data.get("schedule") if is_one(data) else None
    some_id = schedule.get("id") if isinstance(schedule, dict) else None
    return some_id if isinstance(some_id, str) and 0 < len(some_id) <= _LONGEST_ID else ""


def names_of(users: Any) -> str:
    """Return “Dana Rivera, Eli Novak” for a list of users, and a word for an empty one. Accept any value."""
    known = [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    names = [str(user.get("summary") or user.get("id") or "unknown user")[:_LONGEST_NAME] for user in known]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more if names else "no one"
