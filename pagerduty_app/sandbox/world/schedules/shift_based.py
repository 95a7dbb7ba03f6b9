"""Shift-based schedules: the shifts of recurrence rules, overrides and custom shifts (api-schema, Event)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule

from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
# Start, end, member, source.
Assignment = tuple[datetime, datetime, Json, Json]
_MOST_OCCURRENCES = 50_000


def rows(store: Store, kind: str, schedule_id: str) -> list[Json]:
    """Return the schedule's rows of that kind: custom_shifts or override_shifts."""
    return list((store.get(kind, schedule_id) or {"rows": []})["rows"])


def assignments(store: Store, schedule: Json, since: datetime, until: datetime) -> list[Assignment]:
    """Return the final assignments that overlap the range, uncut and in order; those of no one, too."""
    found: list[Assignment] = []
    overrides = rows(store, "override_shifts", schedule["id"])
    for one in schedule["rotations"]:
        source = {"type": "schedule_rotation", "rotation_id": one["id"]}
        own = [row for row in overrides if row.get("rotation_id") == one["id"]]
        for its_event in one["events"]:
            for start, end, who in occurrences(its_event, since, until):
                found += _replaced((start, end, who, source), own)
    for shift in rows(store, "custom_shifts", schedule["id"]):
        source = {"type": "custom_shift", "shift_id": shift["id"]}
        who = shift["assignments"][0]["member"]
        own = [row for row in overrides if row.get("custom_shift_id") == shift["id"]]
        found += _replaced((moment(shift["start_time"]), moment(shift["end_time"]), who, source), own)
    return sorted((row for row in found if row[0] < until and row[1] > since), key=lambda row: row[:2])


def occurrences(
    its_event: Json, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, Json]]:
    """Yield the shifts of an event that overlap the range, cut to the time when the event has effect.

    The rule repeats on the wall clock of the event's time zone, and so does the end of each shift.
    """
    zone = ZoneInfo(its_event["start_time"]["time_zone"])
    first, last = (_wall(its_event[name], zone) for name in ("start_time", "end_time"))
    begins, ends = moment(its_event["effective_since"]), its_event.get("effective_until")
    since, until = max(since, begins), min(until, moment(ends)) if ends else until
    strategy = its_event["assignment_strategy"]
    members, each = strategy["members"], strategy.get("shifts_per_member", 1)
    for number, local in enumerate(_rule(tuple(its_event["recurrence"]), first)):
        start, end = (at.replace(tzinfo=zone).astimezone(UTC) for at in (local, local + (last - first)))
        if start >= until or number >= _MOST_OCCURRENCES:
            return
        if end <= since:
            continue
        turn = members if strategy["type"].startswith("every") else [members[number // each % len(members)]]
        stop = min(end, moment(ends)) if ends else end
        yield from ((max(start, begins), stop, who) for who in turn)


@lru_cache(maxsize=64)
def _rule(recurrence: tuple[str, ...], first: datetime) -> Any:
    try:
        return rrule.rrulestr("\n".join(recurrence), dtstart=first, forceset=True, ignoretz=True, cache=True)
    except ValueError:
        raise invalid("recurrence has to be a RRULE with EXDATEs and RDATEs (RFC 5545).") from None


def _wall(zoned: Json, zone: ZoneInfo) -> datetime:
    return moment(zoned["date_time"]).astimezone(zone).replace(tzinfo=None)


def _replaced(shift: Assignment, overrides: list[Json]) -> list[Assignment]:
    """Return the parts of a shift: its own member's, and those of overrides, of which the latest counts."""
    parts = [shift]
    for override in overrides:
        if override["overridden_member"] != shift[2]:
            continue
        start, end = moment(override["start_time"]), moment(override["end_time"])
        source = {**shift[3], "type": f"{shift[3]['type']}_override", "override_id": override["id"]}
        left: list[Assignment] = []
        for part in parts:
            a, b = max(part[0], start), min(part[1], end)
            if a >= b:
                left.append(part)
                continue
            left += [(part[0], a, *part[2:])] if part[0] < a else []
            left += [(a, b, override["overriding_member"], source)]
            left += [(b, part[1], *part[2:])] if b < part[1] else []
        parts = left
    return parts


def final_schedule(
    found: list[Assignment], since: datetime, until: datetime, zone: ZoneInfo, *, overflow: bool
) -> Json:
    """Return the FinalSchedule, cut at the ends of the range unless `overflow`."""
    cut = [(max(row[0], since), min(row[1], until), *row[2:]) for row in found]
    shown = found if overflow else cut
    return {
        "type": "final_schedule",
        "rendered_coverage_percentage": round(100 * _covered(cut) / (until - since), 2),
        "computed_shift_assignments": [
            {
                "type": "computed_shift_assignment",
                "start_time": start.astimezone(zone).isoformat(timespec="seconds"),
                "end_time": end.astimezone(zone).isoformat(timespec="seconds"),
                "member": who,
                "source": source,
            }
            for start, end, who, source in shown
        ],
    }


def _covered(cut: list[Assignment]) -> timedelta:
    """Return for how long anybody is on call."""
    total, reached = timedelta(0), datetime.min.replace(tzinfo=UTC)
    for start, end, who, _ in cut:
        if who["type"] == "user_member" and end > reached:
            total += end - max(start, reached)
            reached = end
    return total
