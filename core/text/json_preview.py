"""Raw JSON for display: indented, and cut if it is too long for a page."""

import json
from typing import Any

LONGEST = 100_000


def shown(value: Any) -> tuple[str, bool]:
    """(text that can be written into a page, whether it was cut).

    It is built piece by piece: indenting alone makes hundreds of megabytes out of a deeply nested quarter of one.
    """
    parts: list[str] = []
    length = 0
    cut = False
    try:
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
            parts.append(part[: LONGEST - length])
            length += len(part)
            if length > LONGEST:
                cut = True
                break
    except RecursionError:  # nested deeper than anybody reads
        cut = True
    return "".join(parts).encode(errors="replace").decode(), cut
