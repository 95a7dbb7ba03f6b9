"""The event of a hand-over: its shape, which is that of PagerDuty's own events, and how it is read."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.catalog import Json

EVENT_TYPE = "schedule.on_call_changed"
_KIND = "on_call_change"
_LONGEST_ID = 200
_LONGEST_NAME = 60
_NAMED = 3


@dataclass(frozen=True)
class Change:
    """A hand-over: at `at`, from users `before` to users `now`, on call until `until` if that is known."""

    at: datetime
    before: list[Json]
    now: list[Json]
    until: datetime | None


def body(schedule: Json, change: Change, *, recovered: bool) -> bytes:
    """The event, in the shape of PagerDuty's own. The same schedule, moment and people always get the same id."""
    who = json.dumps([[user["id"] for user in users] for users in (change.before, change.now)])
    digest = hashlib.sha256(who.encode()).hexdigest()[:16]
    at = change.at.isoformat()
    event = {
        "id": f"on-call-{schedule['id']}-{at}-{digest}",
        "event_type": EVENT_TYPE,
        "resource_type": "schedule",
        "occurred_at": at,
        "agent": None,
        "client": None,
        "data": {
            "type": _KIND,
            "schedule": schedule,
            "users_before": change.before,
            "users_now": change.now,
            "at": at,
            "until": change.until.isoformat() if change.until else None,
            "recovered": recovered,
        },
    }
    return json.dumps({"event": event}).encode()


# How such an event is read.


def is_one(data: Any) -> bool:
    return isinstance(data, dict) and data.get("type") == _KIND


def fields(data: Json) -> Json:
    """The fields that a workflow sees beside `event`."""
    return {name: data.get(name) for name in _FIELDS}


def schedule_id(data: Any) -> str:
    """The ID of the event's schedule; "" for other events. Hand-overs of one schedule are handled in order."""
    schedule = data.get("schedule") if is_one(data) else None
    some_id = schedule.get("id") if isinstance(schedule, dict) else None
    return some_id if isinstance(some_id, str) and 0 < len(some_id) <= _LONGEST_ID else ""


def names_of(users: Any) -> str:
    """Return “Dana Rivera, Eli Novak” for a list of users, and a word for an empty one. Accept any value."""
    known = [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    names = [str(user.get("summary") or user.get("id") or "unknown user")[:_LONGEST_NAME] for user in known]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more if names else "no one"


_USER = {
    "type": "object",
    "properties": {name: {"type": ["string", "null"]} for name in ("id", "summary", "email", "html_url")},
    "additionalProperties": False,
}
_FIELDS: Json = {
    "schedule": {
        "type": "object",
        "properties": {name: {"type": ["string", "null"]} for name in ("id", "summary", "html_url")},
        "additionalProperties": False,
    },
    "users_before": {"type": "array", "items": _USER},
    "users_now": {"type": "array", "items": _USER},
    "at": {"type": "string", "format": "date-time"},
    "until": {"type": ["string", "null"], "format": "date-time"},
    "recovered": {"type": "boolean"},
}
_EVENT: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "event_type": {"type": "string"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "resource_type": {"type": "string"},
        # By the clock, and by us: there is neither.
        "agent": {"type": "null"},
        "client": {"type": "null"},
    },
}
SCHEMA: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"event": _EVENT, **_FIELDS},
}


def _user(some_id: str, name: str, address: str) -> Json:
    page = f"https://acme.pagerduty.com/users/{some_id}"
    return {"id": some_id, "summary": name, "html_url": page, "email": address}


def sample() -> Json:
    schedule = {
        "id": "PSCHED1",
        "summary": "Payments on call",
        "html_url": "https://acme.pagerduty.com/schedules/PSCHED1",
    }
    at = datetime(2026, 11, 2, 8, tzinfo=UTC)
    change = Change(
        at,
        [_user("PUSER01", "Dana Rivera", "dana@acme.example")],
        [_user("PUSER02", "Eli Novak", "eli@acme.example")],
        at + timedelta(days=7),
    )
    made: Json = json.loads(body(schedule, change, recovered=False))
    return made
