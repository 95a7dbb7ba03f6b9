"""Paging rules (developer docs, pagination): limit 25 to 100 unless stated otherwise, and nothing beyond 10,000."""

from typing import Any

from django.http import QueryDict

from pagerduty_app.sandbox.refusals import Refused

FURTHEST = 10_000


def window(query: QueryDict, *, usual: int = 25, largest: int = 100) -> tuple[int, int]:
    """Return (offset, limit). Raise Refused."""
    try:
        offset, limit = int(query.get("offset") or 0), int(query.get("limit") or usual)
    except ValueError:
        raise Refused(400, 2001, "Invalid Input Provided", "offset and limit are numbers.") from None
    if offset < 0 or not 1 <= limit <= largest or offset + limit > FURTHEST:
        raise Refused(
            400, 2002, "Arguments Caused Error", f"Offset must be ≥ 0, limit 1–{largest}, their sum ≤ 10000."
        )
    return offset, limit


def page(name: str, rows: list[Any], offset: int, limit: int, total: int, query: QueryDict) -> dict[str, Any]:
    """Return the page of `rows`, which begin at the offset."""
    return {
        name: rows,
        "offset": offset,
        "limit": limit,
        "more": offset + len(rows) < total,
        "total": total if query.get("total") == "true" else None,
    }
