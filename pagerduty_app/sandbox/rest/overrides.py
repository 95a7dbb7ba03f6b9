"""Overrides of schedules of both kinds, and custom shifts of shift-based ones (api-schema)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpResponse

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.rest.paging import window
from pagerduty_app.sandbox.rest.schedules import LAYER_BASED, SHIFT_BASED, of_kind
from pagerduty_app.sandbox.world.schedules import overrides, shift_based
from pagerduty_app.sandbox.world.schedules.times import asked_range, moment

Json = dict[str, Any]


@operation(get="schedules.read", post="schedules.write")
def layer_based(call: Call, some_id: str) -> Answer:
    """List overrides, or create some: each has a result of its own (api-schema, createScheduleOverride)."""
    schedule = of_kind(call, LAYER_BASED, some_id)
    if call.request.method == "POST":
        made = overrides.add_layer_based(
            call.sandbox.store, call.account, schedule, _wanted(call, "overrides")
        )
        return 201, made
    return 200, {"overrides": _overlapping(call, "overrides", some_id, ("start", "end"))}


def _shift_based(name: str, kind: str) -> Callable[..., HttpResponse]:
    @operation(get="schedules.read", post="schedules.write")
    def view(call: Call, some_id: str) -> Answer:
        try:
            return answered(call, some_id)
        except Refused as refused:
            if refused.status != 400:
                raise
            # v3 answers with a map from field to errors.
            raise Refused(400, refused.code, "Invalid Request", errors={name: refused.errors}) from None

    def answered(call: Call, some_id: str) -> Answer:
        schedule, store = of_kind(call, SHIFT_BASED, some_id), call.sandbox.store
        if call.request.method == "POST":
            wanted = _wanted(call, name)
            return 201, {name: overrides.add_shift_based(store, call.account, schedule, kind, wanted)}
        offset, limit = window(call.request.GET)
        found = _overlapping(call, kind, some_id, ("start_time", "end_time"))
        rows = found[offset : offset + limit]
        return 200, {name: rows, "limit": limit, "offset": offset, "more": offset + len(rows) < len(found)}

    return view


override_shifts = _shift_based("overrides", "override_shifts")
custom_shifts = _shift_based("custom_shifts", "custom_shifts")


def _wanted(call: Call, name: str) -> list[Any]:
    wanted = call.body.get(name)
    if not isinstance(wanted, list) or not wanted:
        raise invalid(f"{name} must be a list with at least one of them.")
    return wanted


def _overlapping(call: Call, kind: str, some_id: str, names: tuple[str, str]) -> list[Json]:
    """Return the rows in the range of the request, which needs both ends; cut there unless `overflow`."""
    query = call.request.GET
    if not {"since", "until"} <= query.keys():
        raise invalid("since and until are required.")
    since, until = asked_range(query["since"], query["until"])
    found = []
    for row in shift_based.rows(call.sandbox.store, kind, some_id):
        start, end = (moment(row[name]) for name in names)
        if start < until and end > since:
            cut = (start, end) if query.get("overflow") == "true" else (max(start, since), min(end, until))
            found.append(row | dict(zip(names, map(_text, cut), strict=True)))
    return found


def _text(at: datetime) -> str:
    return at.isoformat()
