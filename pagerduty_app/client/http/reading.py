"""Read a response's JSON without the characters that pages, rows and our own JSON cannot hold."""

import json
import re
from typing import Any

# NUL, and half a surrogate pair, which JSON can escape and UTF-8 cannot encode. Whole pairs match too.
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def json_of(content: bytes) -> Any:
    """Return the JSON, {} for an empty body. Raise ValueError, or RecursionError if it is nested too deeply."""
    if not content:
        return {}
    value = json.loads(content)
    return _cleaned(value) if _SUSPICIOUS.search(content) else value


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(item) for name, item in value.items()}
    return value
