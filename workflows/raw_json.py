"""JSON as it is, for whoever wants to see it: indented, and cut where it is too long for a page."""

import json
from typing import Any

LONGEST = 100_000


def shown(value: Any) -> tuple[str, bool]:
    """(text, whether it was cut)."""
    parts: list[str] = []
    length = 0
    try:
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
            parts.append(part[: LONGEST - length])
            length += len(part)
            if length > LONGEST:
                return "".join(parts), True
    except RecursionError:  # nested deeper than anybody reads
        return "".join(parts), True
    return "".join(parts), False
