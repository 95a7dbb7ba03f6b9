"""Windows of the week, such as `Mon-Fri 22:00-06:00 Europe/Berlin`: days (all), hours, a time zone (UTC).

One that ends before it begins goes on into the next day and belongs to the day on which it began.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from core import time_zones

LONGEST = 100
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_SAID = "Mon, Tue, Wed, Thu, Fri, Sat, Sun"
_TIME = re.compile(r"\d\d:\d\d", re.ASCII)
_HOURS = re.compile(r"[-:\d]")
# Blanks around a dash or a comma, and the longer dashes that telephones and word processors write.
_DASH = re.compile(r"(?<=\d)\s*[-–—]\s*(?=\d)|(?<=[a-z])\s*[-–—]\s*(?=[a-z])", re.IGNORECASE)
_COMMA = re.compile(r"\s*,\s*")
_END_OF_DAY = "24:00"
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Window:
    """days: 0 is Monday. begin == end: the whole day. Both belong to the time zone."""

    days: frozenset[int]
    begin: time
    end: time
    zone: tzinfo

    def has(self, moment: datetime) -> bool:
        """Return whether the aware moment lies in the window, its end excluded."""
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


class _NoWindow(ValueError):
    """Says which part of a text is wrong, and why."""


def window(text: Any) -> Window | None:
    """Return the window that `text` says, None for anything else."""
    found = _read(text) if isinstance(text, str) and len(text) <= LONGEST else None
    return found if isinstance(found, Window) else None


def problem(text: Any) -> str:
    """Return which part of `text` keeps it from being a window, and why; "" when it is one."""
    if not isinstance(text, str) or not text.strip():
        return "Write hours as text, such as 09:00-17:00."
    if len(text) > LONGEST:
        return f"A window is at most {LONGEST} characters long."
    found = _read(text)
    return found if isinstance(found, str) else ""


@lru_cache(maxsize=1024)
def _read(text: str) -> Window | str:
    try:
        return _parsed(text)
    except _NoWindow as wrong:
        return str(wrong)


def _parsed(text: str) -> Window:
    parts = _COMMA.sub(",", _DASH.sub("-", text)).split()
    at = next((number for number, part in enumerate(parts) if _HOURS.match(part)), None)
    if at is None:
        raise _NoWindow(f"There are no hours in {_shown(text)}: write them as 09:00-17:00.")
    days, zone = parts[:at], parts[at + 1 :]
    if len(days) > 1:
        raise _NoWindow(f"Write the days without spaces, separated by commas or a dash: not {_shown(*days)}.")
    return Window(_days(*days), *_hours(parts[at]), _zone(*zone))


def _hours(text: str) -> tuple[time, time]:
    begin, dash, end = text.partition("-")
    if not (begin and dash and end):
        missing = "beginning" if end else "end"
        raise _NoWindow(f"{_shown(text)} has no {missing}: write hours as 09:00-17:00.")
    if begin == _END_OF_DAY:
        raise _NoWindow("A window cannot begin at 24:00: write 00:00, the beginning of the next day.")
    # 24:00, the end of a day, is the beginning of the next.
    return _time(begin), time(0) if end == _END_OF_DAY else _time(end)


def _time(text: str) -> time:
    if not _TIME.fullmatch(text):
        raise _NoWindow(f"{_shown(text)} is no time of day: write two digits each, such as 09:00.")
    hour, minute = map(int, text.split(":"))
    if hour > 23:
        raise _NoWindow(f"{text} is no time of day: the last one is 23:59; 24:00 can only end a window.")
    if minute > 59:
        raise _NoWindow(f"{text} is no time of day: minutes go from 00 to 59.")
    return time(hour, minute)


def _days(text: str = "") -> frozenset[int]:
    if not text:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        names = part.split("-")
        if len(names) > 2:
            raise _NoWindow(f"{_shown(part)} is no range of days: write two of them, such as Mon-Fri.")
        first, last = _day(names[0], text), _day(names[-1], text)
        days |= {(first + number) % 7 for number in range((last - first) % 7 + 1)}
    return frozenset(days)


def _day(name: str, days: str) -> int:
    if name.lower() in DAYS:
        return DAYS.index(name.lower())
    if not name:
        raise _NoWindow(f"A day is missing in {_shown(days)}: use {_DAYS_SAID}.")
    if time_zones.find(days):
        raise _NoWindow(f"Write the time zone last: 09:00-17:00 {_shown(days)}.")
    near = next((day.title() for day in DAYS if name.lower().startswith(day)), "")
    raise _NoWindow(f"{_shown(name)} is no day: " + (f"write {near}." if near else f"use {_DAYS_SAID}."))


def _zone(*parts: str) -> tzinfo:
    if not parts:
        return UTC
    name = " ".join(parts)
    if found := time_zones.find(name):
        return found
    raise _NoWindow(time_zones.unknown(name))


def _shown(*parts: str) -> str:
    text = " ".join(" ".join(parts).split())
    return f"“{text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + '…'}”"
