"""Time zones by the names of the IANA database, in any case, with the nearest name for one that does not exist."""

import difflib
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

LONGEST = 60
_LONGEST_SHOWN = 40
# Files beside the IANA zones: this machine's own setting, and zones that stand for "none chosen".
_NO_ZONES = frozenset({"localtime", "posixrules", "factory"})
# Of abbreviations such as CEST the nearest is another zone with other hours.
_SHORTEST_GUESS = 5
# Such names hardly look alike by chance: Pacific Time is not Pacific/Niue, nor is China Asia/Chita.
_NEAR = 0.85
# Etc/GMT+2 lies west of Greenwich, where people write GMT-2: no zone of that kind is ever guessed.
_OFFSET = re.compile(r"[+-]\d")
_NO_FOLDERS = ("posix/", "right/", "systemv/")


def find(name: str) -> ZoneInfo | None:
    """Return the zone of that name without regard to case, or None."""
    known = _names().get(name.casefold()) if len(name) <= LONGEST else None
    try:
        return ZoneInfo(known) if known else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # its file has gone since the names were read
        return None


def suggestion(name: str) -> str:
    """Return the zone that `name` may mean: Europe/Berlin for Berlin or Europe/Berln. "" when none is near."""
    wanted = "_".join(name.casefold().split())
    if not wanted or len(wanted) > LONGEST or _OFFSET.search(wanted):
        return ""
    names = _names()
    by_city = {known.rpartition("/")[2]: known for known in sorted(names, reverse=True)}
    if wanted in by_city:
        return names[by_city[wanted]]
    if len(wanted) < _SHORTEST_GUESS:
        return ""
    near = difflib.get_close_matches(wanted, [*names, *by_city], n=1, cutoff=_NEAR)
    return names[by_city.get(near[0], near[0])] if near else ""


def unknown(name: str) -> str:
    """Return what to say of a name that is no zone."""
    near = suggestion(name)
    hint = f"Did you mean {near}?" if near else "Use an IANA name, such as Europe/London or UTC."
    return f"Unknown time zone {' '.join(name.split())[:_LONGEST_SHOWN]}. {hint}"


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Case-folded name → name as the IANA spells it. Read once: looking through the files takes 30 ms."""
    found = {name.casefold(): name for name in available_timezones()}
    return {
        folded: name
        for folded, name in found.items()
        if folded not in _NO_ZONES and not folded.startswith(_NO_FOLDERS)
    }
