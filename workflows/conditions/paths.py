"""Paths of fields as conditions write them: `trigger.incident.teams.*.summary`, `*` for every item of a list."""

import re
from functools import lru_cache
from typing import Any

from workflows.conditions.comparisons.kinds import MOST_ITEMS
from workflows.expressions.unknown_fields import NOTHING, step_into

EVERY = "*"
_LONGEST = 300
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.(?:[\w-]+|\*))*")


def is_path(text: str) -> bool:
    return len(text) <= _LONGEST and _PATH.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def names_of(path: str) -> tuple[str | int, ...]:
    """Return the names of a path, numbers for the places in lists."""
    return tuple(int(name) if name.isascii() and name.isdecimal() else name for name in path.split("."))


def reach(fields: dict[str, Any], path: str) -> list[Any]:
    """Return every value that is at `path` and not null: at most one, or behind a `*` up to 2,000."""
    values: list[Any] = [fields]
    for name in names_of(path):
        if name == EVERY:
            items = [item for value in values if isinstance(value, list) for item in value[:MOST_ITEMS]]
            values = [item for item in items if item is not None][:MOST_ITEMS]
        else:
            values = [found for value in values if (found := _inside(value, name)) is not None]
    return values


def _inside(value: Any, name: str | int) -> Any:
    if isinstance(value, dict) and (found := value.get(str(name))) is not None:
        return found
    found = step_into(value, name)
    return None if found is NOTHING else found
