"""On-call users over time, from the final shifts of a schedule (api-schema, getSchedule and listScheduleUsers)."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from workflows.catalog import Json, ProviderError

_A_MOMENT = timedelta(minutes=1)
_NAMES = ("id", "summary", "html_url")


@dataclass(frozen=True)
class Stretch:
    """The users on call from `start` until the next stretch begins; no one if there are no users."""

    start: datetime
    users: list[Json]

    @property
    def ids(self) -> list[str]:
        return [user["id"] for user in self.users]


@dataclass(frozen=True)
class Rota:
    """A schedule with its stretches of time, in order; two that follow each other differ."""

    schedule: Json
    stretches: list[Stretch]

    def at(self, moment: datetime) -> Stretch:
        """The stretch at `moment`."""
        index = bisect_right(self.stretches, moment, key=lambda stretch: stretch.start)
        return self.stretches[index - 1] if index else Stretch(moment, [])

    def after(self, moment: datetime) -> list[Stretch]:
        """The stretches that begin later."""
        return self.stretches[bisect_right(self.stretches, moment, key=lambda stretch: stretch.start) :]

    def end_of(self, moment: datetime) -> datetime | None:
        """The end of the stretch at `moment`; None if it is beyond the requested window."""
        later = self.after(moment)
        return later[0].start if later else None


def read(api: Api, schedule_id: str, since: datetime, until: datetime) -> Rota:
    """The rota between since and until. Shifts at its ends are whole (`overflow`). Raises ProviderError."""
    window = {"since": _text(since), "until": _text(until), "overflow": True}
    with provider_errors():
        schedule = api.schedule(schedule_id, window).get("schedule")
    schedule = schedule if isinstance(schedule, dict) else {}
    final = schedule.get("final_schedule")
    entries = final.get("rendered_schedule_entries") if isinstance(final, dict) else None
    if not isinstance(entries, list):
        raise _strange()
    # What comes behind `until` was not asked for, so a shift that ends there may well be gone on with.
    known = [stretch for stretch in _stretches(entries) if stretch.start < until]
    return Rota(_named(schedule, schedule_id), known)


def people(api: Api, schedule_id: str, since: datetime, until: datetime | None = None) -> dict[str, Json]:
    """The users on call between since and until, a moment later unless given, by id. Raises ProviderError."""
    window = {"since": _text(since), "until": _text(until or since + _A_MOMENT)}
    with provider_errors():
        users = api.schedule_users(schedule_id, window).get("users")
    if not isinstance(users, list):
        raise _strange()
    return {str(user["id"]): user for user in users if isinstance(user, dict) and user.get("id")}


def _stretches(entries: list[Any]) -> list[Stretch]:
    """Merge entries into stretches. Several users may be on call at once, and entries of one user may follow
    each other. Raises ProviderError for an entry that says nothing: leaving it out would look like a hand-over."""
    turns: list[tuple[datetime, int, str]] = []
    users: dict[str, Json] = {}
    for entry in entries:
        start, end, user = _read(entry)
        if end is not None and end <= start:
            continue
        users[user["id"]] = user
        turns.append((start, 1, user["id"]))
        if end is not None:
            turns.append((end, -1, user["id"]))
    found: list[Stretch] = []
    on_call: Counter[str] = Counter()
    turns.sort()
    for index, (moment, change, user_id) in enumerate(turns):
        on_call[user_id] += change
        if index + 1 < len(turns) and turns[index + 1][0] == moment:
            continue
        now = [users[some_id] for some_id in sorted(on_call) if on_call[some_id] > 0]
        if not found or found[-1].users != now:
            found.append(Stretch(moment, now))
    return found


def _read(entry: Any) -> tuple[datetime, datetime | None, Json]:
    try:
        user = entry["user"]
        end = None if entry["end"] is None else _moment(entry["end"])
        return _moment(entry["start"]), end, _named(user, str(user["id"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _strange() from None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("without a time zone")
    return found.astimezone(UTC)


def _named(thing: Json, some_id: str) -> Json:
    """The reference to a thing, as events have it."""
    known = {name: thing.get(name) for name in _NAMES}
    return {name: value if isinstance(value, str) else None for name, value in known.items()} | {
        "id": some_id
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _strange() -> ProviderError:
    return ProviderError(
        "provider_error", "PagerDuty's answer does not say who is on call.", status=200, retryable=True
    )
