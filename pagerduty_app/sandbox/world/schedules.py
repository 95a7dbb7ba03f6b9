"""Compute shifts from the layers and overrides of a schedule (api-schema, getSchedule)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.world.start import reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
# Start, end, reference to the user.
Shift = tuple[datetime, datetime, Json]
_LONGEST_RANGE = timedelta(days=92)
_USUAL_RANGE = timedelta(days=14)


def moment(text: Any) -> datetime:
    """Parse an ISO 8601 time. Raise Refused."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise invalid("since, until, start and end are ISO 8601 times.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def asked_range(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """Return the range of a request that has at least one end."""
    start = moment(since) if since else moment(until) - _USUAL_RANGE
    end = moment(until) if until else start + _USUAL_RANGE
    if not start < end or end - start > _LONGEST_RANGE:
        raise Refused(
            400, 2002, "Arguments Caused Error", "until must be later than since, by at most 3 months."
        )
    return start, end


def shifts(store: Store, schedule: Json, since: datetime, until: datetime) -> list[Shift]:
    """Return the final shifts that overlap the range, uncut and in order."""
    found: list[Shift] = []
    for layer in schedule["schedule_layers"]:
        found = _over(found, _turns(layer, since, until))
    for override in overrides(store, schedule["id"]):
        found = _over(found, [(moment(override["start"]), moment(override["end"]), override["user"])])
    return sorted((row for row in found if row[0] < until and row[1] > since), key=lambda row: row[0])


def overrides(store: Store, schedule_id: str) -> list[Json]:
    return list((store.get("overrides", schedule_id) or {"rows": []})["rows"])


def _turns(layer: Json, since: datetime, until: datetime) -> list[Shift]:
    """Yield the turns of a layer: equal length, one user after the other."""
    people = [row["user"] for row in layer["users"]]
    first, length = (
        moment(layer["rotation_virtual_start"]),
        timedelta(seconds=layer["rotation_turn_length_seconds"]),
    )
    begins = moment(layer["start"])
    number = max(0, (since - first) // length)
    found: list[Shift] = []
    while people and (start := first + number * length) < until:
        if start + length > begins:
            found.append((max(start, begins), start + length, people[number % len(people)]))
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
            {**layer, "rendered_schedule_entries": entries(_turns(layer, since, until))}
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
