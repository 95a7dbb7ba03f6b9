"""The triggers on-call-gap-ahead and on-call-starting: what the final shifts of a schedule say of the next hours.

A look reads the shifts from now on. What was told is kept in the state of the watch until it has passed, so that it is
told once, also when shifts are edited meanwhile. What came and went while polling was unavailable is not told.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import schedule_field
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.on_call import events
from pagerduty_app.payloads.on_call.schema import GAP_AHEAD, STARTING, names_of, schema
from pagerduty_app.schedules.final_shifts import read_rota
from pagerduty_app.schedules.people import users_by_id, with_name
from pagerduty_app.schedules.rota import AHEAD, Gap, Rota, Stretch
from pagerduty_app.triggers.event_trigger import COMMON
from workflows.catalog import Json, Look, Poll, TriggerType
from workflows.catalog.schemas import ActionInput

_EVERY = timedelta(minutes=5)
_MOST_HOURS = 168
# Of one look, and remembered of one schedule: shifts of a week that change every hour.
_MOST = 200


class AheadOptions(ActionInput):
    """The schedule to watch, and how far ahead."""

    schedule_id = schedule_field()
    hours = serializers.IntegerField(
        min_value=1,
        max_value=_MOST_HOURS,
        label="Hours ahead",
        help_text=f"At most {_MOST_HOURS}, a week",
    )


def look_for_gaps(api: Api, options: Json, state: Json, now: datetime) -> Look:
    """The gaps that begin within the hours ahead, also one that has begun. Raises ProviderError.

    A gap is known again by the time that it shares with one that was told: its ends may be moved by overrides.
    """
    now, rota = _read(api, options, now)
    horizon, end = now + timedelta(hours=options["hours"]), now + AHEAD
    told = [Gap(*map(datetime.fromisoformat, row)) for row in state.get("told", ())]
    kept = [gap for gap in told if gap.end > now]
    found: list[bytes] = []
    later: list[datetime] = []
    for gap in rota.gaps(now, end):
        if gap.start > horizon:
            later.append(gap.start - timedelta(hours=options["hours"]))
        elif any(gap.start < other.end and other.start < gap.end for other in kept):
            kept.append(gap)
        elif len(found) < _MOST:
            kept.append(gap)
            found.append(events.gap_ahead(rota.schedule, now, gap.start, gap.end if gap.end < end else None))
    remembered = [[gap.start.isoformat(), gap.end.isoformat()] for gap in _distinct(kept)]
    return _look(rota, options, now, {"told": remembered}, found, later)


def look_for_starts(api: Api, options: Json, state: Json, now: datetime) -> Look:
    """The shifts that start within the hours ahead, of users who are not on call just before. Raises ProviderError."""
    now, rota = _read(api, options, now)
    horizon = now + timedelta(hours=options["hours"])
    told = {(at, user) for at, user in state.get("told", ()) if datetime.fromisoformat(at) > now}
    before = rota.at(now).ids
    found: list[bytes] = []
    later: list[datetime] = []
    for stretch in rota.after(now):
        starting = [user for user in stretch.users if user["id"] not in before]
        before = stretch.ids
        at = stretch.start.isoformat()
        fresh = [user for user in starting if (at, user["id"]) not in told]
        if stretch.start > horizon:
            later += [stretch.start - timedelta(hours=options["hours"])] if starting else []
        elif fresh and len(found) < _MOST:
            told |= {(at, user["id"]) for user in fresh}
            found.append(_starting(api, rota, now, Stretch(stretch.start, fresh)))
    return _look(rota, options, now, {"told": sorted(map(list, told))}, found, later)


def _read(api: Api, options: Json, now: datetime) -> tuple[datetime, Rota]:
    now = now.astimezone(UTC).replace(microsecond=0)  # a gap that has begun is told from here
    return now, read_rota(api, options["schedule_id"], now, now + AHEAD)


def _distinct(gaps: list[Gap]) -> list[Gap]:
    """Return gaps merged where they share time, so that there are few to remember."""
    found: list[Gap] = []
    for gap in sorted(gaps):
        if found and gap.start < found[-1].end:
            found[-1] = Gap(found[-1].start, max(found[-1].end, gap.end))
        else:
            found.append(gap)
    return found


def _starting(api: Api, rota: Rota, now: datetime, stretch: Stretch) -> bytes:
    known = users_by_id(api, stretch.ids)
    users = [with_name(user, known) for user in stretch.users]
    return events.starting(rota.schedule, now, stretch.start, users, _end(rota, stretch))


def _end(rota: Rota, stretch: Stretch) -> datetime | None:
    """Return when the first of these users is no longer on call; None if that is not known."""
    leaving = (one.start for one in rota.after(stretch.start) if not set(stretch.ids) <= set(one.ids))
    return next(leaving, None)


def _look(
    rota: Rota, options: Json, now: datetime, state: Json, found: list[bytes], later: list[datetime]
) -> Look:
    return Look(
        state=state,
        found=found,
        expected_at=min(later, default=None),
        watched=str(rota.schedule.get("summary") or options["schedule_id"]),
        present=f"On call: {_names(rota, now)}",
    )


def _names(rota: Rota, now: datetime) -> str:
    return names_of(rota.at(now).users)


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
