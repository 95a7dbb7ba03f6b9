"""Time zones by their IANA names (Europe/London), however they are capitalised."""

import difflib
from datetime import tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_LONGEST = 64
# Of the machine, not of a place.
_NOT_PLACES = frozenset({"localtime", "posixrules", "Factory"})


@cache
def _names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() - _NOT_PLACES}


def find(name: str) -> tzinfo | None:
    """The zone of that name; None where there is none."""
    known = _names().get(name.strip().lower()) if len(name) <= _LONGEST else None
    return ZoneInfo(known) if known else None


def unknown(name: str) -> str:
    """What to say of a name that is no zone, with the nearest one."""
    wanted = name.strip().lower()[:_LONGEST]
    # Also by the last part alone: people write the name of the city.
    by_city = {key.rpartition("/")[2]: full for key, full in sorted(_names().items())}
    for known in (_names(), by_city):
        if near := difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.75):
            return f"There is no time zone {name[:_LONGEST]}. Did you mean {known[near[0]]}?"
    return f"There is no time zone {name[:_LONGEST]}. Zones have names such as Europe/London or America/New_York."
