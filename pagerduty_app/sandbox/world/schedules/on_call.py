"""The users on call at an instant, by the definition of a schedule, without rendering: the sandbox's truth."""

from datetime import datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.world.schedules import layer_based, shift_based
from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
_AN_INSTANT = timedelta(microseconds=1)


def on_call_at(store: Store, schedule: Json, at: datetime) -> list[str]:
    """Return the ids of the users on call, in order."""
    found = _by_shifts if schedule["type"] == "schedule_v3" else _by_layers
    return sorted(found(store, schedule, at))


def _by_layers(store: Store, schedule: Json, at: datetime) -> set[str]:
    for override in reversed(layer_based.overrides(store, schedule["id"])):
        if moment(override["start"]) <= at < moment(override["end"]):
            return {override["user"]["id"]}
    for layer in reversed(schedule["schedule_layers"]):
        for start, end, user in layer_based.turns(layer, at, at + _AN_INSTANT, schedule["time_zone"]):
            if start <= at < end:
                return {user["id"]}
    return set()


def _by_shifts(store: Store, schedule: Json, at: datetime) -> set[str]:
    overrides = [
        row
        for row in shift_based.rows(store, "override_shifts", schedule["id"])
        if moment(row["start_time"]) <= at < moment(row["end_time"])
    ]
    members = []
    for rotation in schedule["rotations"]:
        own = [row for row in overrides if row.get("rotation_id") == rotation["id"]]
        for event in rotation["events"]:
            for start, end, member in shift_based.occurrences(event, at, at + _AN_INSTANT):
                if start <= at < end:
                    members.append(_present(member, own))
    for shift in shift_based.rows(store, "custom_shifts", schedule["id"]):
        if moment(shift["start_time"]) <= at < moment(shift["end_time"]):
            own = [row for row in overrides if row.get("custom_shift_id") == shift["id"]]
            members.append(_present(shift["assignments"][0]["member"], own))
    return {member["user_id"] for member in members if member["type"] == "user_member"}


def _present(member: Json, overrides: list[Json]) -> Json:
    replaced = [row["overriding_member"] for row in overrides if row["overridden_member"] == member]
    return replaced[-1] if replaced else member
