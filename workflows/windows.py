"""Windows of the week, such as `Mon-Fri 22:00-06:00 Europe/Berlin`: days (all), hours, a time zone (UTC).

One that ends before it begins goes on into the next day and belongs to the day on which it began.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

LONGEST = 100
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_SOME_DAYS = rf"{_DAY}(?:-{_DAY})?"
_FORM = re.compile(
    rf"(?:(?P<days>{_SOME_DAYS}(?:,{_SOME_DAYS})*)\s+)?"
    r"(?P<begin>[0-2]\d:[0-5]\d)-(?P<end>[0-2]\d:[0-5]\d)"
    r"(?:\s+(?P<zone>[a-z][a-z0-9_+-]{0,30}(?:/[a-z][a-z0-9_+-]{0,30}){0,2}))?",
    re.IGNORECASE | re.ASCII,
)
_END_OF_DAY = "24:00"


@dataclass(frozen=True)
class Window:
    """days: 0 is Monday. begin == end: the whole day. Both belong to the time zone."""

    days: frozenset[int]
    begin: time
    end: time
    zone: tzinfo

    def has(self, moment: datetime) -> bool:
        """Whether that aware moment lies in it; the end does not belong to it."""
        try:
            local = moment.astimezone(self.zone)
            day_before = (local - timedelta(days=1)).weekday()
        except OverflowError:  # the first and the last day that there are
            return False
        at = local.time()
        if self.begin < self.end:
            return self.begin <= at < self.end and local.weekday() in self.days
        return (at >= self.begin and local.weekday() in self.days) or (
            at < self.end and day_before in self.days
        )


def window(text: Any) -> Window | None:
    """The window that `text` says; None for anything else, also for a time zone that there is not."""
    return _read(text) if isinstance(text, str) and len(text) <= LONGEST else None


@lru_cache(maxsize=256)
def _read(text: str) -> Window | None:
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    begin, end, zone = _time(found["begin"]), _time(found["end"]), _zone(found["zone"])
    if begin is None or end is None or zone is None or found["begin"] == _END_OF_DAY:
        return None
    return Window(_days(found["days"]), begin, end, zone)


def _days(text: str | None) -> frozenset[int]:
    if not text:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        begin = DAYS.index(first)
        length = (DAYS.index(last or first) - begin) % 7 + 1
        days |= {(begin + number) % 7 for number in range(length)}
    return frozenset(days)


def _time(text: str) -> time | None:
    """24:00, the end of a day, is the beginning of the next."""
    hour, minute = map(int, text.split(":"))
    if text == _END_OF_DAY:
        return time(0)
    return time(hour, minute) if hour < 24 else None


def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
