"""Overrides and custom shifts that are written over REST (api-schema, createScheduleOverride, createOverrides,
createCustomShifts)."""

from datetime import datetime
from typing import Any

from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.world.schedules import definitions, shift_based
from pagerduty_app.sandbox.world.schedules.times import moment
from pagerduty_app.sandbox.world.start import reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]


def add_layer_based(store: Store, account: str, schedule: Json, wanted: list[Any]) -> list[Json]:
    """Store the overrides that are right; return the result of each one, with a status of its own."""
    with store.transaction():
        rows = shift_based.rows(store, "overrides", schedule["id"])
        results = [_result(store, account, one) for one in wanted]
        rows += [one["override"] for one in results if one["status"] == 201]
        store.put("overrides", schedule["id"], {"rows": rows})
    return results


def _result(store: Store, account: str, wanted: Any) -> Json:
    try:
        start, end = _stretch(wanted, "start", "end")
        user = _user(store, account, (wanted.get("user") or {}).get("id"))
    except Refused as refused:
        return {"status": 400, "errors": refused.errors, "override": wanted}
    return {
        "status": 201,
        "override": definitions.layer_override(reference_to(user), start.isoformat(), end.isoformat()),
    }


def add_shift_based(store: Store, account: str, schedule: Json, kind: str, wanted: list[Any]) -> list[Json]:
    """Store override_shifts or custom_shifts, all or none. Raise Refused."""
    read = _override if kind == "override_shifts" else _custom_shift
    with store.transaction():
        made = [read(store, account, schedule, one) for one in wanted]
        rows = shift_based.rows(store, kind, schedule["id"])
        store.put(kind, schedule["id"], {"rows": rows + made})
    return made


def _override(store: Store, account: str, schedule: Json, wanted: Any) -> Json:
    start, end = _stretch(wanted, "start_time", "end_time")
    places = [name for name in ("rotation_id", "custom_shift_id") if wanted.get(name)]
    if len(places) != 1:
        raise invalid("An override references either a rotation or a custom shift.")
    overridden = wanted.get("overridden_member")
    if not any(who == overridden for who in _members(store, schedule, places[0], wanted, start, end)):
        raise invalid("The overridden member has no such shift.")
    return {
        "id": definitions.new_id(),
        "type": "override_shift",
        places[0]: wanted[places[0]],
        "start_time": start.isoformat(),
        "end_time": end.isoformat(),
        "overridden_member": overridden,
        "overriding_member": _member(store, account, wanted.get("overriding_member")),
    }


def _members(
    store: Store, schedule: Json, place: str, wanted: Json, start: datetime, end: datetime
) -> list[Json]:
    """Return the members of the rotation or custom shift between start and end, before overrides."""
    if place == "custom_shift_id":
        return [
            shift["assignments"][0]["member"]
            for shift in shift_based.rows(store, "custom_shifts", schedule["id"])
            if shift["id"] == wanted[place]
        ]
    return [
        who
        for one in schedule["rotations"]
        if one["id"] == wanted[place]
        for its_event in one["events"]
        for _, _, who in shift_based.occurrences(its_event, start, end)
    ]


def _custom_shift(store: Store, account: str, schedule: Json, wanted: Any) -> Json:
    start, end = _stretch(wanted, "start_time", "end_time")
    assignments = wanted.get("assignments")
    if not isinstance(assignments, list) or len(assignments) != 1 or not isinstance(assignments[0], dict):
        raise invalid("A custom shift has exactly one assignment.")
    who = _member(store, account, assignments[0].get("member"))
    return definitions.custom_shift(str(who.get("user_id")), start.isoformat(), end.isoformat())


def _stretch(wanted: Any, first: str, last: str) -> tuple[datetime, datetime]:
    if not isinstance(wanted, dict):
        raise invalid("Each one is an object.")
    start, end = moment(wanted.get(first)), moment(wanted.get(last))
    if not start < end:
        raise invalid("Override must end after its start")
    return start, end


def _member(store: Store, account: str, wanted: Any) -> Json:
    if not isinstance(wanted, dict) or wanted.get("type") != "user_member":
        raise invalid("The member is a user.")
    return definitions.member(_user(store, account, wanted.get("user_id"))["id"])


def _user(store: Store, account: str, some_id: Any) -> Json:
    found = next((user for user in store.all("user", account) if user["id"] == some_id), None)
    if found is None:
        raise invalid("User must belong to the account")
    return found
