"""The definition of a shift-based schedule: rotations with events, override shifts, custom shifts (api-schema)."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def member(user_id: str | None) -> Json:
    """Return a ShiftMember: a user, or no one."""
    return {"type": "user_member", "user_id": user_id} if user_id else {"type": "empty_member"}


def event(
    start: datetime,
    end: datetime,
    time_zone: str,
    recurrence: Sequence[str],
    members: Sequence[str | None],
    *,
    every: bool = False,
    each: int = 1,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Json:
    """Return an Event. every: all members at once, else in turns of `each` shifts. since, until: when it has effect."""
    kind = "every_member" if every else "rotating_member"
    strategy = {"type": f"{kind}_assignment_strategy", "members": [member(one) for one in members]}
    return {
        "id": new_id(),
        "type": "schedule_event",
        "name": "On call",
        "start_time": {"date_time": start.astimezone(UTC).isoformat(), "time_zone": time_zone},
        "end_time": {"date_time": end.astimezone(UTC).isoformat(), "time_zone": time_zone},
        "effective_since": (since or start).astimezone(UTC).isoformat(),
        "effective_until": until.astimezone(UTC).isoformat() if until else None,
        "recurrence": list(recurrence),
        "assignment_strategy": strategy if every else {**strategy, "shifts_per_member": each},
    }


def rotation(events: list[Json]) -> Json:
    return {"id": new_id(), "type": "schedule_rotation", "events": events}


def custom_shift(user_id: str, start: str, end: str) -> Json:
    assignment = {"id": new_id(), "type": "shift_assignment", "member": member(user_id)}
    times = {"start_time": start, "end_time": end}
    return {"id": new_id(), "type": "custom_shift", **times, "assignments": [assignment]}


def layer_override(user: Json, start: str, end: str) -> Json:
    """Return an Override of a layer-based schedule. user: a reference."""
    return {"id": new_id(), "start": start, "end": end, "user": user}


def override_shifts(schedule: Json, user_id: str, start: str, end: str) -> list[Json]:
    """Return the overrides by which a user stands in for each member of each rotation."""
    return [
        {
            "id": new_id(),
            "type": "override_shift",
            "rotation_id": one["id"],
            "start_time": start,
            "end_time": end,
            "overridden_member": who,
            "overriding_member": member(user_id),
        }
        for one in schedule["rotations"]
        for its_event in one["events"]
        for who in its_event["assignment_strategy"]["members"]
    ]


def new_id() -> str:
    return secrets.token_hex(10).upper()
