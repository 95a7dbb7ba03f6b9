"""Moments: dates and times as people and providers write them (ISO 8601), and nothing else."""

from datetime import UTC, datetime, time
from typing import Any

_LONGEST = 40
_DATE_LENGTH = len("2026-11-01")


def moment(value: Any) -> datetime | None:
    """`2026-11-01`, `2026-11-01T09:30:00Z` or with an offset, as an aware time; None for anything else.

    Without an offset it is UTC; a date alone is its midnight.
    """
    if not isinstance(value, str) or not _DATE_LENGTH <= len(value) <= _LONGEST or value[4:5] != "-":
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def instant(value: Any) -> datetime | None:
    """Return the moment of a text that says date, time and offset: nothing but a moment is written so."""
    at = value.strip()[_DATE_LENGTH:] if isinstance(value, str) and len(value) <= _LONGEST else ""
    return moment(value) if at[:1] in ("T", "t") and (at[-1:] in "Zz" or at[-6:-5] in ("+", "-")) else None


def time_of_day(value: Any) -> time | None:
    """`22:00` or `22:00+01:00`, UTC where it says nothing else; None for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST or value[2:3] != ":":
        return None
    try:
        found = time.fromisoformat(value.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
