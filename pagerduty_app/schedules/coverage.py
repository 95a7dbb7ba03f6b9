"""The writes by which one user alone is on call in a schedule for a stretch of time (PagerDuty api-schema).

Layer-based: one override, which covers what is below. Shift-based: an override replaces one member of a rotation or a
custom shift, so each shift of others takes one; where no one is on call, it takes a custom shift.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pagerduty_app.client import Api
from pagerduty_app.client.paging import whole
from pagerduty_app.client.schedules import Collection
from pagerduty_app.schedules.final_shifts import as_text, final_of, rota_of, unreadable
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED, ask_by_kind
from pagerduty_app.schedules.rota import Rota
from workflows.catalog import Json

COLLECTIONS: tuple[Collection, ...] = ("overrides", "custom_shifts")
# What to write: collection → bodies. Without any, the user is on call already.
Plan = Mapping[Collection, list[Json]]


class Stretch(NamedTuple):
    """A time, in whole seconds UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Present:
    """A schedule in a stretch. existing: overrides and custom shifts that overlap it. final: as PagerDuty sent it."""

    rota: Rota
    existing: Mapping[Collection, list[Json]]
    final: Any


def read(api: Api, schedule_id: str, stretch: Stretch, until: float) -> Present:
    """Return the schedule as it is now. until: `time.monotonic()` after which no further page is requested.

    Raise PagerDutyError, also if existing ones are left out, and ProviderError.
    """
    window = {"since": as_text(stretch.start), "until": as_text(stretch.end), "overflow": True}

    def layer_based() -> tuple[Json, Mapping[Collection, list[Json]]]:
        answer = api.schedule(schedule_id, window)
        return answer, {"overrides": api.overrides(schedule_id, window), "custom_shifts": []}

    def shift_based() -> tuple[Json, Mapping[Collection, list[Json]]]:
        answer = api.shift_based_schedule(schedule_id, window | {"include": ["final_schedule"]})
        walks = {name: api.parts_of_shifts(schedule_id, name, window, until) for name in COLLECTIONS}
        # One that is left out would be written twice.
        said = "The overrides of the schedule could not be read to their end."
        return answer, {name: whole(walk, said) for name, walk in walks.items()}

    ask = {LAYER_BASED: layer_based, SHIFT_BASED: shift_based}
    kind, (answer, existing) = ask_by_kind(api, schedule_id, ask)
    return Present(rota_of(kind, answer, schedule_id, stretch.end), existing, final_of(answer))


def plan(present: Present, user_id: str, stretch: Stretch) -> Plan:
    """Return what has to be written. Raise ProviderError if PagerDuty does not say whom to replace."""
    rota = present.rota
    if rota.at(stretch.start).ids == [user_id] and not _changes_within(rota, stretch):
        return {}
    if rota.kind == LAYER_BASED:
        user = {"id": user_id, "type": "user_reference"}
        return {"overrides": [_times("start", "end", *stretch) | {"user": user}]}
    custom: list[Json] = [_custom_shift(user_id, *gap) for gap in rota.gaps(*stretch)]
    wanted: Plan = {"overrides": _replacing(present, user_id, stretch), "custom_shifts": custom}
    return {name: bodies for name, bodies in wanted.items() if bodies}


def _changes_within(rota: Rota, stretch: Stretch) -> bool:
    return any(one.start < stretch.end for one in rota.after(stretch.start))


def _replacing(present: Present, user_id: str, stretch: Stretch) -> list[Json]:
    """Return an override for each shift of another user, for as much of it as is in the stretch."""
    overrides = {row["id"]: row for row in present.existing["overrides"]}
    found: list[Json] = []
    for row, shift in zip(present.final["computed_shift_assignments"], present.rota.shifts, strict=True):
        start, end = max(shift.start, stretch.start), min(shift.end or stretch.end, stretch.end)
        if shift.user is None or shift.user["id"] == user_id or start >= end:
            continue
        source = row["source"] if isinstance(row.get("source"), dict) else {}
        # An override replaces the scheduled member, also where that one is replaced already.
        replaced_by = source.get("override_id")
        earlier = overrides.get(replaced_by, {}) if isinstance(replaced_by, str) else {}
        body = {
            "type": "override_shift",
            **_place(source),
            **_times("start_time", "end_time", start, end),
            "overridden_member": earlier.get("overridden_member") or row["member"],
            "overriding_member": _member(user_id),
        }
        if body not in found:
            found.append(body)
    return found


def _place(source: Json) -> Json:
    """Return which rotation or custom shift an assignment is of."""
    for name, place in (("rotation_id", "rotation_id"), ("shift_id", "custom_shift_id")):
        if isinstance(source.get(name), str):
            return {place: source[name]}
    raise unreadable()


def _custom_shift(user_id: str, start: datetime, end: datetime) -> Json:
    assignment = {"type": "shift_assignment", "member": _member(user_id)}
    times = _times("start_time", "end_time", start, end)
    return {"type": "custom_shift", **times, "assignments": [assignment]}


def _member(user_id: str) -> Json:
    return {"type": "user_member", "user_id": user_id}


def _times(first: str, last: str, start: datetime, end: datetime) -> Json:
    return {first: as_text(start), last: as_text(end)}
