"""Query parameters in PagerDuty's spelling."""

from collections.abc import Mapping
from typing import Any


def spelt(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query as PagerDuty spells it: statuses[]=a&statuses[]=b, true for True."""
    query: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, list):
            query[f"{name}[]"] = value
        elif isinstance(value, bool):
            query[name] = str(value).lower()
        else:
            query[name] = value
    return query
