"""The outcome of a write: how long one without a response may still take effect, and outputs that say `changed`."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from workflows.catalog import Json


def settles_in(data: Json) -> timedelta:
    """Return how long a write without a response may still take effect."""
    return timedelta(seconds=settings.PAGERDUTY_SETTLE_SECONDS)


def schema(properties: Json, reasons: dict[str, str]) -> dict[str, Any]:
    """Return the schema of an output with `changed` and `reason`. reasons: why nothing was written."""
    both = {
        "changed": {"type": "boolean", "title": "Changed"},
        "reason": {
            "type": ["string", "null"],
            "title": "Reason",
            "enum": [*reasons, None],
            "x-words": reasons,
        },
    }
    whole = {**properties, **both}
    return {"type": "object", "properties": whole, "required": [*whole], "additionalProperties": False}
