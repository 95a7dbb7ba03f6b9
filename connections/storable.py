"""Text from outside, as both databases and every JSON answer can carry it."""

import json
import math
from typing import Any


def is_storable(value: Any) -> bool:
    """Whether a JSON value has no NUL, no lone surrogate and no number that is not finite."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return "\\u0000" not in text


def storable(value: Any) -> Any:
    """`value` without what PostgreSQL's jsonb and JSON itself refuse; the same object where nothing is wrong."""
    return value if is_storable(value) else _cleaned(value)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(item) for name, item in value.items()}
    return value
