"""Schedules: layer-based ones under /schedules, shift-based ones under /v3/schedules (api-schema).

Each refuses a schedule of the other kind with 400 (developer docs, upgrade to shift-based schedules).
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.rest.directory import matching, one_of
from pagerduty_app.sandbox.rest.paging import window
from pagerduty_app.sandbox.world.schedules import layer_based as layers
from pagerduty_app.sandbox.world.schedules import shift_based
from pagerduty_app.sandbox.world.schedules.times import asked_range
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]
LAYER_BASED, SHIFT_BASED = "schedule", "schedule_v3"


def of_kind(call: Call, kind: str, some_id: str) -> Json:
    other = SHIFT_BASED if kind == LAYER_BASED else LAYER_BASED
    if any(row["id"] == some_id for row in call.sandbox.store.all(other, call.account)):
        wanted = "v3" if kind == LAYER_BASED else "v2"
        raise Refused(400, 2001, "Invalid Input Provided", f"Schedule must be read with the {wanted} API.")
    return one_of(call, kind, some_id)


@operation(get="users.read")
def users(call: Call, some_id: str) -> Answer:
    """List the users on call; needs only users.read (api-schema, listScheduleUsers)."""
    schedule, query = of_kind(call, LAYER_BASED, some_id), call.request.GET
    now = datetime.now(UTC)
    since, until = now, now + timedelta(seconds=1)
    if "since" in query or "until" in query:
        since, until = asked_range(query.get("since"), query.get("until"))
    on_call = {user["id"] for _, _, user in layers.shifts(call.sandbox.store, schedule, since, until)}
    found = call.sandbox.store.all("user", call.account)
    return 200, {"users": [user for user in found if user["id"] in on_call]}


@operation(get="schedules.read")
def layer_based(call: Call, some_id: str) -> Answer:
    """Return a schedule; with since or until also its entries in that range (api-schema, getSchedule)."""
    found, query = of_kind(call, LAYER_BASED, some_id), call.request.GET
    if "since" not in query and "until" not in query:
        return 200, {"schedule": found}
    since, until = asked_range(query.get("since"), query.get("until"))
    overflow = query.get("overflow") == "true"
    return 200, {"schedule": layers.rendered(call.sandbox.store, found, since, until, overflow=overflow)}


@operation(get="schedules.read")
def all_shift_based(call: Call) -> Answer:
    """List references (api-schema, listSchedulesV3): there is no total."""
    try:
        offset, limit = window(call.request.GET, usual=100, largest=1_000)
    except Refused as refused:
        # v3 answers with a map from field to errors.
        raise Refused(400, 2001, "Invalid Request", errors={"limit": refused.errors}) from None
    found = matching(call, SHIFT_BASED)
    rows = [reference_to(row) | {"summary": row["name"]} for row in found[offset : offset + limit]]
    more = offset + len(rows) < len(found)
    return 200, {"schedules": rows, "limit": limit, "offset": offset, "more": more}


@operation(get="schedules.read")
def shift_based_one(call: Call, some_id: str) -> Answer:
    """Return a schedule; with include[]=final_schedule and a range also its assignments (api-schema, getScheduleV3)."""
    found, query = of_kind(call, SHIFT_BASED, some_id), call.request.GET
    if "final_schedule" not in query.getlist("include[]") or not {"since", "until"} <= query.keys():
        return 200, {"schedule": found}
    since, until = asked_range(query.get("since"), query.get("until"))
    try:
        zone = ZoneInfo(query.get("time_zone") or str(found["time_zone"]))
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid("time_zone has to be an IANA time zone.") from None
    rows = shift_based.assignments(call.sandbox.store, found, since, until)
    overflow = query.get("overflow") == "true"
    final = shift_based.final_schedule(rows, since, until, zone, overflow=overflow)
    return 200, {"schedule": {**found, "final_schedule": final}}
