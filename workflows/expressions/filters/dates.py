"""The filter that writes a time in another form, in a time zone."""

from typing import Any

from core import time_zones
from core.db import clock
from workflows.expressions.allowance import text
from workflows.expressions.errors import FilterError
from workflows.expressions.filters.texts import StandIn
from workflows.formatting.datetimes import moment

_LONGEST_FORMAT = 100
# Those that stand alone: widths such as %9999999d would make the C library write that many zeros.
_DIRECTIVES = frozenset("aAbBdHIjmMpSuUVwyYZzGFTDRe%")


def date(value: Any, wanted: Any = "%Y-%m-%d %H:%M", zone: Any = "UTC") -> str:
    given, form = text(value, "date"), text(wanted, "date")
    found = clock.now() if given in ("now", "today") else moment(given)
    if found is None and isinstance(value, StandIn):
        return given
    if found is None:
        raise FilterError("date takes a date or time such as 2026-11-01T09:30:00Z.")
    name = text(zone, "date")
    known = time_zones.find(name)
    if known is None:
        raise FilterError(time_zones.unknown(name))
    _check(form)
    try:
        return found.astimezone(known).strftime(form)
    except (ValueError, OverflowError):
        raise FilterError("This date cannot be written in that form.") from None


def _check(form: str) -> None:
    if len(form) > _LONGEST_FORMAT:
        raise FilterError(f"A date format is at most {_LONGEST_FORMAT} characters long.")
    directives = form.replace("%%", "").split("%")[1:]
    unknown = next((part[:1] for part in directives if part[:1] not in _DIRECTIVES or not part), None)
    if unknown is not None:
        raise FilterError(f"A date format has no %{unknown}.")
