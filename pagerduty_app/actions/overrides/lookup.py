"""The look-up of overrides and custom shifts whose response was lost, among those that the schedule has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.db import clock
from pagerduty_app.actions.clocks import ABOUT, SKEW
from pagerduty_app.client.schedules import Collection
from pagerduty_app.schedules.coverage import COLLECTIONS, Plan, Present
from pagerduty_app.schedules.final_shifts import as_text
from workflows.catalog import Caller, Json
from workflows.formatting.datetimes import moment

_TYPES = ("override_shift", "custom_shift")
_START, _END = ("start", "start_time"), ("end", "end_time")


def baseline(present: Present, plan: Plan, start: datetime) -> Json:
    """Return what is kept with the call: its start, what it writes, and what is there before."""
    rows = [row for name in COLLECTIONS for row in present.existing[name]]
    return {
        "start": start.isoformat(),
        "kind": present.rota.kind,
        "plan": plan,
        "before": [row["id"] for row in rows],
    }


def written(kept: Json, existing: Mapping[Collection, list[Json]]) -> list[Json] | None:
    """Return the rows that the call has written; None unless all of them are there. kept: see `baseline`."""
    found = _found(kept, existing)
    return found if len(found) == sum(map(len, kept["plan"].values())) else None


def earlier(caller: Caller, existing: Mapping[Collection, list[Json]]) -> list[Json]:
    """Return the rows that earlier attempts of the call have written, though not all that they were to write."""
    kept = caller.baseline
    return _found(kept, existing) if kept is not None and caller.sent_before else []


def _found(kept: Json, existing: Mapping[Collection, list[Json]]) -> list[Json]:
    before, now = frozenset(kept["before"]), clock.now()
    found: list[Json] = []
    for name in COLLECTIONS:
        new = [row for row in existing[name] if row["id"] not in before]
        for body in kept["plan"].get(name, ()):
            row = next((row for row in new if _is(row, body, now)), None)
            if row is not None:
                new.remove(row)
                found.append(row)
    return found


def _is(row: Json, body: Json, now: datetime) -> bool:
    """Return whether a row has the user, the end, the start and the replaced member of a body.

    What begins now by our clock may begin later in PagerDuty: by the difference of the clocks, or when it arrived. One
    with an earlier end is the same, shortened by a person since; it has the start that was sent.
    """
    start, end = _time_of(body, _START), _time_of(body, _END)
    began, ended = _time_of(row, _START), _time_of(row, _END)
    if start is None or end is None or began is None or ended is None or ended - end >= ABOUT:
        return False
    shortened = end - ended >= ABOUT
    latest = (start if shortened else max(start, now)) + SKEW
    return _who(row) == _who(body) and start - SKEW <= began <= latest and began < ended


def shown(row: Json) -> Json:
    """Return an override or custom shift in the shape of the output; layer-based ones have no type."""
    times = {"start": _time_of(row, _START), "end": _time_of(row, _END)}
    known = {name: as_text(at) for name, at in times.items() if at is not None}
    kind = row.get("type")
    return {"id": row["id"], "type": kind if kind in _TYPES else "override", **known}


def _time_of(row: Json, names: tuple[str, str]) -> datetime | None:
    """Return the time in the first of these fields that the row has."""
    return next((moment(row[name]) for name in names if name in row), None)


def _who(row: Json) -> list[Any]:
    """Return whom a row puts on call, and in whose place."""
    assignments = row.get("assignments")
    first = assignments[0] if isinstance(assignments, list) and assignments else None
    members = (row.get("overriding_member"), row.get("overridden_member"), _inner(first, "member"))
    ids = [_inner(member, "user_id") for member in members]
    return [_inner(row.get("user"), "id"), *ids, row.get("rotation_id"), row.get("custom_shift_id")]


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
