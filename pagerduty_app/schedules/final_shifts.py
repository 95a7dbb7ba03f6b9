"""The final shifts of a schedule of either kind (PagerDuty api-schema, getSchedule and getScheduleV3)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED, ask_by_kind
from pagerduty_app.schedules.rota import Rota, Shift, stretches_of
from workflows.catalog import Json, ProviderError

_NAMES = ("id", "summary", "html_url")


def read_rota(api: Api, schedule_id: str, since: datetime, until: datetime) -> Rota:
    """Return the rota between since and until. Shifts at its ends are whole (`overflow`). Raise ProviderError."""
    window = {"since": as_text(since), "until": as_text(until), "overflow": True}
    with provider_errors():
        kind, answer = ask_by_kind(
            api,
            schedule_id,
            {
                LAYER_BASED: lambda: api.schedule(schedule_id, window),
                SHIFT_BASED: lambda: api.shift_based_schedule(
                    schedule_id, window | {"include": ["final_schedule"]}
                ),
            },
        )
    return rota_of(kind, answer, schedule_id, until)


def rota_of(kind: str, answer: Json, schedule_id: str, until: datetime) -> Rota:
    """Return the rota of a schedule that was read until then. Raise ProviderError."""
    shifts = shifts_of(kind, final_of(answer))
    schedule = answer["schedule"]
    # What comes behind `until` was not asked for, so a shift that ends there may well be gone on with.
    known = [stretch for stretch in stretches_of(shifts) if stretch.start < until]
    named = {**schedule, "summary": schedule.get("summary") or schedule.get("name")}
    return Rota(reference(named, schedule_id), known, kind, shifts)


def final_of(answer: Json) -> Any:
    """Return the `final_schedule` of a schedule. Raise ProviderError if the response holds no schedule."""
    schedule = answer.get("schedule")
    if not isinstance(schedule, dict):
        raise unreadable()
    return schedule.get("final_schedule")


def shifts_of(kind: str, final: Any) -> list[Shift]:
    """Return the shifts of a `final_schedule`. Raise ProviderError for one that says nothing, also of a single shift:
    leaving a shift out would look like a hand-over."""
    name, read = _SHAPES[kind]
    rows = final.get(name) if isinstance(final, dict) else None
    if not isinstance(rows, list):
        raise unreadable()
    try:
        return [read(row) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise unreadable() from None


def _of_entry(entry: Any) -> Shift:
    user = entry["user"]
    end = None if entry["end"] is None else _moment(entry["end"])
    return Shift(_moment(entry["start"]), end, reference(user, _id(user["id"])))


def _of_assignment(row: Any) -> Shift:
    member, source = row["member"], row.get("source")
    kind = source.get("type") if isinstance(source, dict) else ""
    user = None if member["type"] == "empty_member" else reference({}, _id(member["user_id"]))
    return Shift(
        _moment(row["start_time"]),
        None if row["end_time"] is None else _moment(row["end_time"]),
        user,
        kind if isinstance(kind, str) else "",
    )


_SHAPES: dict[str, tuple[str, Callable[[Any], Shift]]] = {
    LAYER_BASED: ("rendered_schedule_entries", _of_entry),
    SHIFT_BASED: ("computed_shift_assignments", _of_assignment),
}


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no id")
    return value


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("without a time zone")
    return found.astimezone(UTC)


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def reference(thing: Json, some_id: str) -> Json:
    """The reference to a thing, as events have it."""
    known = {name: thing.get(name) for name in _NAMES}
    return {name: value if isinstance(value, str) else None for name, value in known.items()} | {
        "id": some_id
    }


def unreadable() -> ProviderError:
    return ProviderError(
        "provider_error", "PagerDuty's answer does not say who is on call.", status=200, retryable=True
    )
