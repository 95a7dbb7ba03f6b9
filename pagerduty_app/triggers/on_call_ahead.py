"""The triggers on-call-gap-ahead and on-call-starting: what the final shifts of a schedule say of the next hours.

A look reads the shifts from the last look on. What was told is kept in the state of the watch as of that look, for as
long as it is still so: it is told once, also when its ends are moved, and again if it ended and came back. What came
and went while polling was unavailable is not told.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import schedule_field
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.on_call import events
from pagerduty_app.payloads.on_call.schema import GAP_AHEAD, STARTING, names_of, schema
from pagerduty_app.schedules.final_shifts import read_rota
from pagerduty_app.schedules.people import users_by_id, with_name
from pagerduty_app.schedules.rota import AHEAD, Rota
from pagerduty_app.triggers import upgrades
from pagerduty_app.triggers.event_trigger import COMMON
from pagerduty_app.triggers.times_ahead import Compared, Time, as_rows, compare, from_state
from workflows.catalog import Json, Look, Poll, TriggerType
from workflows.catalog.schemas import ActionInput

_EVERY = timedelta(minutes=5)
_MOST_HOURS = 168
# With a month ahead it is less than PagerDuty renders.
_FURTHEST_BACK = timedelta(days=7)


class AheadOptions(ActionInput):
    """The schedule to watch, and how far ahead."""

    schedule_id = schedule_field()
    hours = serializers.IntegerField(
        min_value=1,
        max_value=_MOST_HOURS,
        label="Hours ahead",
        help_text=f"At most {_MOST_HOURS}, a week",
    )


@dataclass(frozen=True)
class _Seen:
    """The rota that a look has read. since: the last look, from where on the rota is known; until: where it ends."""

    rota: Rota
    since: datetime
    now: datetime
    until: datetime
    kind: Json


def look_for_gaps(api: Api, options: Json, state: Json, now: datetime) -> Look:
    """The gaps that begin within the hours ahead, also one that has begun. Raises ProviderError."""
    seen = _read(api, options, state, now)
    gaps = seen.rota.gaps(seen.since, seen.until)
    times = [Time(gap.start, gap.end if gap.end < seen.until else None) for gap in gaps]
    compared = _compared(seen, options, state, times, begun=True)
    schedule, now = seen.rota.schedule, seen.now
    found = [events.gap_ahead(schedule, now, max(gap.start, now), gap.end) for gap in compared.fresh]
    return _look(seen, options, compared, state, found)


def look_for_starts(api: Api, options: Json, state: Json, now: datetime) -> Look:
    """The shifts that start within the hours ahead, of users who are not on call just before. Raises ProviderError."""
    seen = _read(api, options, state, now)
    compared = _compared(seen, options, state, _duties(seen.rota), begun=False)
    known = users_by_id(api, (duty.who for duty in compared.fresh))
    found: list[bytes] = []
    for start, duties in groupby(compared.fresh, key=lambda duty: duty.start):
        ends = {duty.who: duty.end for duty in duties}
        users = [with_name(user, known) for user in seen.rota.at(start).users if user["id"] in ends]
        until = min((end for end in ends.values() if end), default=None)
        found.append(events.starting(seen.rota.schedule, seen.now, start, users, until))
    return _look(seen, options, compared, state, found)


def _duties(rota: Rota) -> list[Time]:
    """Return the times that each user is on call without a break."""
    begun: dict[str, datetime] = {}
    found: list[Time] = []
    for stretch in rota.stretches:
        for user_id in begun.keys() - set(stretch.ids):
            found.append(Time(begun.pop(user_id), stretch.start, user_id))
        for user_id in stretch.ids:
            begun.setdefault(user_id, stretch.start)
    return found + [Time(start, None, user_id) for user_id, start in begun.items()]


def _read(api: Api, options: Json, state: Json, now: datetime) -> _Seen:
    """Read from the last look on, so that what goes on since then is known again. Raise ProviderError."""
    now = now.astimezone(UTC).replace(microsecond=0)  # a gap that has begun is told from here
    looked = datetime.fromisoformat(state["looked"]) if state else now
    now = max(now, looked)  # another machine's clock may be ahead
    since, until = max(looked, now - _FURTHEST_BACK), now + AHEAD
    rota = read_rota(api, options["schedule_id"], since, until)
    return _Seen(rota, since, now, until, upgrades.kind_in_state(rota, state, now))


def _compared(seen: _Seen, options: Json, state: Json, times: list[Time], *, begun: bool) -> Compared:
    if upgrades.waits(seen.kind):
        return Compared([], [], [])
    horizon = seen.now + timedelta(hours=options["hours"])
    return compare(times, from_state(state), seen.now, horizon, begun=begun)


def _look(seen: _Seen, options: Json, compared: Compared, state: Json, found: list[bytes]) -> Look:
    after = {"looked": seen.now.isoformat(), "told": as_rows(compared.told)}
    expected = min(compared.later, default=None)
    return Look(
        state={**(state if upgrades.waits(seen.kind) else after), **seen.kind},
        found=found,
        expected_at=expected and expected - timedelta(hours=options["hours"]),
        watched=str(seen.rota.schedule.get("summary") or options["schedule_id"]),
        present=f"On call: {names_of(seen.rota.at(seen.now).users)}",
    )


def _trigger(**more: Any) -> TriggerType:
    poll = Poll(
        scopes=("schedules.read", "users.read"), every=_EVERY, asks=more.pop("asks"), look=more.pop("look")
    )
    return TriggerType(group=COMMON, options=AheadOptions, poll=poll, **more)


GAP = _trigger(
    key="pagerduty/on-call-gap-ahead",
    name="On-call gap ahead",
    description="Triggers when no one will be on call in a schedule within the next hours.",
    event_types=frozenset({GAP_AHEAD}),
    sample=events.sample_gap(),
    output_schema=schema(GAP_AHEAD),
    field_names=field_names.OF_ON_CALL_GAP,
    asks="gaps in the schedule of the next hours: every five minutes, because overrides may change it",
    look=look_for_gaps,
)
START = _trigger(
    key="pagerduty/on-call-starting",
    name="On-call starting",
    description="Triggers when users go on call in a schedule within the next hours.",
    event_types=frozenset({STARTING}),
    sample=events.sample_start(),
    output_schema=schema(STARTING),
    field_names=field_names.OF_ON_CALL_START,
    asks="the shifts in the schedule of the next hours: every five minutes, because overrides may change it",
    look=look_for_starts,
)
