"""Times that a look ahead finds, and which of them were told: known again when their ends are moved."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.catalog import Json

# Told by one look; the next one tells the others.
_MOST_AT_ONCE = 200
# Remembered of one schedule; beyond it nothing is told until some have passed.
_MOST = 1000
# Without a known end, and of what was added to its end later, so much counts as told. If it counted for longer, the
# gaps that shifts leave in an empty schedule would never be told.
_TOLD_AHEAD = timedelta(days=1)


class Time(NamedTuple):
    """A time on call of the user with the ID `who`, or "": one of no one. end: None if it is not known."""

    start: datetime
    end: datetime | None
    who: str = ""


@dataclass(frozen=True)
class Compared:
    """told: what was told and is still so, and what is told now; fresh: what is told now; later: when others begin."""

    told: list[Time]
    fresh: list[Time]
    later: list[datetime]


def compare(
    times: Iterable[Time], told: list[Time], now: datetime, horizon: datetime, *, begun: bool
) -> Compared:
    """Compare times with those told as of the last look: one that shares time with one of the same user is known.

    What was told and is no longer so is forgotten. begun: whether to tell what has begun unnoticed.
    """
    result = Compared([], [], [])
    for time in sorted(times, key=lambda one: (one.start, one.who)):
        known = [one for one in told if _same(one, time)]
        if (time.end and time.end <= now) or (not known and time.start <= now and not begun):
            continue
        if not known and time.start > horizon:
            result.later.append(time.start)
        elif len(result.told) < _MOST and (known or len(result.fresh) < _MOST_AT_ONCE):
            result.told.append(time._replace(end=_told_until(time, known, now)))
            result.fresh.extend([] if known else [time])
    return result


def _same(told: Time, time: Time) -> bool:
    shares = (time.end is None or told.start < time.end) and (told.end is None or time.start < told.end)
    return told.who == time.who and shares


def _told_until(time: Time, known: list[Time], now: datetime) -> datetime:
    if not known:
        return time.end or max(time.start, now) + _TOLD_AHEAD
    until = max(now + _TOLD_AHEAD, *(one.end for one in known if one.end))
    return min(time.end or until, until)


def from_state(state: Json) -> list[Time]:
    """Return the times that a state says were told."""
    rows = state.get("told", ())
    return [Time(datetime.fromisoformat(start), datetime.fromisoformat(end), who) for start, end, who in rows]


def as_rows(told: list[Time]) -> list[list[str]]:
    """Return times with known ends as a state has them."""
    return [[one.start.isoformat(), one.end.isoformat(), one.who] for one in told if one.end]
