"""Names from schemas and codes, as people read them."""

from datetime import timedelta
from typing import Any

_AS_THEY_ARE = {"id": "ID", "ids": "IDs", "url": "URL"}
_LEAST, _MINUTE, _HOUR = 0.1, 60, 3600


def words(name: str) -> str:
    """Incident ID for incident_id."""
    parts = [_AS_THEY_ARE.get(part, part) for part in name.replace("-", "_").split("_") if part]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def title_of(name: str, schema: dict[str, Any]) -> str:
    """The title of a property of a JSON Schema."""
    return str(schema.get("title") or words(name))


def how_long(span: timedelta) -> str:
    """0.8 s, 2 min 5 s, 3 h 20 min."""
    seconds = max(0.0, span.total_seconds())
    if seconds < _LEAST:
        return f"< {_LEAST} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
