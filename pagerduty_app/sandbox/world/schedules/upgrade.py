"""The upgrade of a layer-based schedule to a shift-based one, which keeps its ID (developer docs, upgrade)."""

from datetime import datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.world.schedules.definitions import event, override_shifts, rotation
from pagerduty_app.sandbox.world.schedules.layer_based import overrides
from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
_DAY_SECONDS = 86_400


def upgrade(store: Store, schedule: Json, since: datetime | None) -> Json:
    """Make a layer-based schedule shift-based in place and return it. since: when its shifts begin, None for ever."""
    some_id, account = schedule["id"], store.account_of("schedule", schedule["id"])
    with store.transaction():
        made, covering = _upgraded(schedule, overrides(store, some_id), since)
        store.delete("schedule", some_id)
        store.delete("overrides", some_id)
        store.put("schedule_v3", some_id, made, account)
        store.put("override_shifts", some_id, {"rows": covering})
    return made


def _upgraded(schedule: Json, covering: list[Json], since: datetime | None) -> tuple[Json, list[Json]]:
    """Return the shift-based schedule and its override shifts."""
    made: Json = {
        **{name: schedule[name] for name in ("id", "name", "summary", "time_zone", "html_url")},
        "type": "schedule_v3",
        "self": schedule["self"].replace("/schedules/", "/v3/schedules/"),
        "rotations": [
            rotation([_event(layer, schedule["time_zone"], since)])
            for layer in schedule["schedule_layers"]
            if layer["users"]
        ],
    }
    return made, [
        row
        for override in covering
        for row in override_shifts(made, override["user"]["id"], override["start"], override["end"])
    ]


def _event(layer: Json, time_zone: str, since: datetime | None) -> Json:
    first, seconds = moment(layer["rotation_virtual_start"]), layer["rotation_turn_length_seconds"]
    days, rest = divmod(seconds, _DAY_SECONDS)
    rule = f"FREQ=SECONDLY;INTERVAL={seconds}" if rest else f"FREQ=DAILY;INTERVAL={days}"
    # Turns of whole days follow the clocks of the time zone, shorter ones do not.
    return event(
        first,
        first + timedelta(seconds=seconds),
        "Etc/UTC" if rest else time_zone,
        [f"RRULE:{rule}"],
        [row["user"]["id"] for row in layer["users"]],
        since=max(since, first) if since else first,
    )
