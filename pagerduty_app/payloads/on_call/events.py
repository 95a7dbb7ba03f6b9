"""The events of on-call changes, gaps ahead and shifts about to start."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.payloads.on_call import schema
from workflows.catalog import Json


@dataclass(frozen=True)
class Change:
    """A hand-over: at `at`, from users `before` to users `now`, on call until `until` if that is known."""

    at: datetime
    before: list[Json]
    now: list[Json]
    until: datetime | None


def changed(schedule: Json, change: Change, *, recovered: bool) -> bytes:
    """Return the event of a hand-over. The same schedule, moment and people always get the same id."""
    data = {
        "schedule": schedule,
        "users_before": change.before,
        "users_now": change.now,
        "at": change.at.isoformat(),
        "until": _text(change.until),
        "recovered": recovered,
    }
    who = ([user["id"] for user in users] for users in (change.before, change.now))
    return schema.body(schema.CHANGED, change.at, data, who)


def gap_ahead(schedule: Json, now: datetime, start: datetime, end: datetime | None) -> bytes:
    """Return the event of a time without anyone on call, found at `now`; what is found anew is another event.

    end: None if it is not known.
    """
    data = {"schedule": schedule, "at": start.isoformat(), "until": _text(end)}
    return schema.body(schema.GAP_AHEAD, now, data, [now.isoformat()])


def starting(schedule: Json, now: datetime, at: datetime, users: list[Json], until: datetime | None) -> bytes:
    """Return the event of users who will be on call from `at` on, found at `now`; what is found anew is another."""
    data = {"schedule": schedule, "users_starting": users, "at": at.isoformat(), "until": _text(until)}
    return schema.body(schema.STARTING, now, data, [now.isoformat(), *(user["id"] for user in users)])


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _user(some_id: str, name: str, address: str) -> Json:
    page = f"https://acme.pagerduty.com/users/{some_id}"
    return {"id": some_id, "summary": name, "html_url": page, "email": address}


_SCHEDULE = {
    "id": "PSCHED1",
    "summary": "Payments on call",
    "html_url": "https://acme.pagerduty.com/schedules/PSCHED1",
}
_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
_DANA = _user("PUSER01", "Dana Rivera", "dana@acme.example")
_ELI = _user("PUSER02", "Eli Novak", "eli@acme.example")


def _sample(made: bytes) -> Json:
    parsed: Any = json.loads(made)
    event: Json = parsed
    return event


def sample_change() -> Json:
    change = Change(_AT, [_DANA], [_ELI], _AT + timedelta(days=7))
    return _sample(changed(_SCHEDULE, change, recovered=False))


def sample_gap() -> Json:
    start = _AT + timedelta(hours=24)
    return _sample(gap_ahead(_SCHEDULE, _AT, start, start + timedelta(hours=8)))


def sample_start() -> Json:
    at = _AT + timedelta(hours=2)
    return _sample(starting(_SCHEDULE, _AT, at, [_ELI], at + timedelta(days=7)))
