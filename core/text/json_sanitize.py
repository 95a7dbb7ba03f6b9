"""JSON from outside, as both databases and every JSON answer can carry it."""

import json
import math
from typing import Any

# Levels of lists and objects. Real data has fewer, and Python's JSON gives up a few hundred levels further on, sooner
# or later by how deep its caller is: what one place could read, the next could not write.
DEEPEST = 100


def is_storable(value: Any) -> bool:
    """Return whether a JSON value has no NUL, no lone surrogate, only finite numbers, and is not nested too deeply."""
    if is_too_deep(value):
        return False
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        return False
    # Escaped backslashes go first: a text may hold these six characters, and mean them.
    return "\\u0000" not in text.replace("\\\\", "")


def is_too_deep(value: Any) -> bool:
    """Return whether the value has lists or objects on more than 100 levels."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [item for thing in level for item in _inside(thing)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def storable(value: Any) -> Any:
    """`value` without what PostgreSQL's jsonb and JSON itself refuse, and with None for what is nested too deeply.

    The same object where nothing is wrong.
    """
    return value if is_storable(value) else _cleaned(value, DEEPEST)


def storable_text(text: str) -> str:
    """`text` without NUL and lone surrogates."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _cleaned(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | dict) and levels == 0:
        return None
    if isinstance(value, list):
        return [_cleaned(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name, levels): _cleaned(item, levels - 1) for name, item in value.items()}
    return value
