"""Layer-based schedules: their shifts, from layers and overrides (api-schema, getSchedule)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.start import reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
# Start, end, reference to the user.
Shift = tuple[datetime, datetime, Json]
_DAY = timedelta(days=1)


def shifts(store: Store, schedule: Json, since: datetime, until: datetime) -> list[Shift]:
    """Return the final shifts that overlap the range, uncut and in order."""
    found: list[Shift] = []
    for layer in schedule["schedule_layers"]:
        found = _over(found, turns(layer, since, until, schedule["time_zone"]))
    for override in overrides(store, schedule["id"]):
        start, end = moment(override["start"]), moment(override["end"])
        if start < until and end > since:
            found = _over(found, [(start, end, override["user"])])
    return sorted((row for row in found if row[0] < until and row[1] > since), key=lambda row: row[0])


def overrides(store: Store, schedule_id: str) -> list[Json]:
    return list((store.get("overrides", schedule_id) or {"rows": []})["rows"])


def turns(layer: Json, since: datetime, until: datetime, time_zone: str) -> list[Shift]:
    """Return the turns of a layer: equal length, one user after the other. Turns of whole days begin at the same time
    of day, also across a change of the clocks."""
    people, zone = [row["user"] for row in layer["users"]], ZoneInfo(time_zone)
    first, length = (
        moment(layer["rotation_virtual_start"]),
        timedelta(seconds=layer["rotation_turn_length_seconds"]),
    )
    begins, wall = moment(layer["start"]), first.astimezone(zone).replace(tzinfo=None)

    def start_of(number: int) -> datetime:
        if length % _DAY:
            return first + number * length
        return (wall + number * length).replace(tzinfo=zone).astimezone(UTC)

    number = max(0, (since - first) // length - 1)
    found: list[Shift] = []
    while people and (start := start_of(number)) < until:
        end = start_of(number + 1)
        if end > max(begins, since):
            found.append((max(start, begins), end, people[number % len(people)]))
        number += 1
    return found


def _over(below: list[Shift], above: list[Shift]) -> list[Shift]:
    """Return the shifts of `above`, and the parts of `below` that they leave."""
    for start, end, _ in above:
        left: list[Shift] = []
        for row in below:
            if row[1] <= start or row[0] >= end:
                left.append(row)
                continue
            left += [(row[0], start, row[2])] if row[0] < start else []
            left += [(end, row[1], row[2])] if row[1] > end else []
        below = left
    return below + above


def rendered(store: Store, schedule: Json, since: datetime, until: datetime, *, overflow: bool) -> Json:
    """Return the schedule with the entries of a range, cut at its ends unless `overflow`."""
    zone = ZoneInfo(schedule["time_zone"])

    def entries(rows: list[Shift]) -> list[Json]:
        cut = rows if overflow else [(max(a, since), min(b, until), who) for a, b, who in rows]
        return [
            {
                "start": start.astimezone(zone).isoformat(timespec="seconds"),
                "end": end.astimezone(zone).isoformat(timespec="seconds"),
                "user": reference_to(who),
            }
            for start, end, who in cut
        ]

    return {
        **schedule,
        "schedule_layers": [
            {**layer, "rendered_schedule_entries": entries(turns(layer, since, until, schedule["time_zone"]))}
            for layer in schedule["schedule_layers"]
        ],
        "overrides_subschedule": {
            "name": "Overrides",
            "rendered_schedule_entries": [
                {name: row[name] for name in ("start", "end", "user")}
                for row in overrides(store, schedule["id"])
                if moment(row["start"]) < until and moment(row["end"]) > since
            ],
        },
        "final_schedule": {
            "name": "Final Schedule",
            "rendered_schedule_entries": entries(shifts(store, schedule, since, until)),
        },
    }
