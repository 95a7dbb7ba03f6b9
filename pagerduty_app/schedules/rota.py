"""On-call users over time, from the final shifts of a schedule."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.catalog import Json

# How far ahead to search for the end of a shift; PagerDuty renders at most three months.
AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class Shift:
    """One assignment of a final schedule, in UTC. end: None if it has none. user: a reference with id, summary and
    html_url; None where the schedule says that no one is on call. source: what it comes from, in PagerDuty's word
    (api-schema, ShiftSource); "" for a layer-based schedule, which does not say."""

    start: datetime
    end: datetime | None
    user: Json | None
    source: str = ""


@dataclass(frozen=True)
class Stretch:
    """The users on call from `start` until the next stretch begins; no one if there are no users."""

    start: datetime
    users: list[Json]

    @property
    def ids(self) -> list[str]:
        return [user["id"] for user in self.users]


class Gap(NamedTuple):
    """A time without anyone on call."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Rota:
    """A schedule with its stretches of time, in order; two that follow each other differ. kind: see schedules.kinds.
    known_from: when the first shift begins, also one of no one; None without shifts."""

    schedule: Json
    stretches: list[Stretch]
    kind: str = ""
    shifts: list[Shift] = field(default_factory=list)

    @property
    def known_from(self) -> datetime | None:
        return min((shift.start for shift in self.shifts), default=None)

    def known_shifts(self, until: datetime) -> list[Shift]:
        """Return the shifts; what ends after `until` has no end, as what comes behind it is not known."""
        return [
            replace(shift, end=None) if shift.end and shift.end >= until else shift for shift in self.shifts
        ]

    def gaps(self, since: datetime, until: datetime) -> list[Gap]:
        """Return the times between since and until at which no one is on call, in order."""
        first = Stretch(since, self.at(since).users)
        known = [first, *(stretch for stretch in self.after(since) if stretch.start < until)]
        ends = [*(stretch.start for stretch in known[1:]), until]
        return [Gap(one.start, end) for one, end in zip(known, ends, strict=True) if not one.users]

    def next_after(self, moment: datetime) -> Stretch | None:
        """Return the next stretch that begins after `moment` and has users; None if the window has none."""
        return next((stretch for stretch in self.after(moment) if stretch.users), None)

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


def stretches_of(shifts: Iterable[Shift]) -> list[Stretch]:
    """Merge shifts into stretches. Several users may be on call at once, and shifts of one user may follow each
    other or overlap. A shift of no one leaves those of others as they are."""
    turns: list[tuple[datetime, int, str]] = []
    users: dict[str, Json] = {}
    for shift in shifts:
        if shift.user is None or (shift.end is not None and shift.end <= shift.start):
            continue
        users[shift.user["id"]] = shift.user
        turns.append((shift.start, 1, shift.user["id"]))
        if shift.end is not None:
            turns.append((shift.end, -1, shift.user["id"]))
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
