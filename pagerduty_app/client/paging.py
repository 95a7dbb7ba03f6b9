"""Paging: through a whole listing by the rows really returned, until PagerDuty says there are no more."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pagerduty_app.client.errors import PagerDutyError

PAGE = 100
# PagerDuty answers 400 when offset + limit passes this (developer docs, pagination).
FURTHEST = 10_000


@dataclass
class Listing:
    """Rows of a listing. complete: nothing was left out; reason: why something was."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    reason: str = ""
    total: int | None = None


class TookTooLong(PagerDutyError):
    """A listing was not through in time. read: rows that had come by then."""

    def __init__(self, collection: str, read: int) -> None:
        super().__init__(f"PagerDuty was too slow to list all {collection}; {read:,} had come in time.")
        self.read = read


def list_everything(
    fetch: Callable[[Mapping[str, Any]], dict[str, Any]], collection: str, until: float = math.inf
) -> Listing:
    """Every row that `fetch({"offset", "limit"})` yields page by page.

    until: `time.monotonic()` after which no further page is asked for. Raises PagerDutyError, of which TookTooLong.
    """
    listing, seen, offset = Listing(), set(), 0
    while True:
        if time.monotonic() > until:
            raise TookTooLong(collection, len(listing.rows))
        limit = min(PAGE, FURTHEST - offset)
        if limit <= 0:
            listing.complete = False
            listing.reason = f"PagerDuty lists at most {FURTHEST:,} rows; narrow the filters to see the rest."
            return listing
        page = fetch({"offset": offset, "limit": limit})
        rows = page.get(collection)
        if not isinstance(rows, list):
            raise PagerDutyError(f"PagerDuty's answer holds no {collection}.", status=200, retryable=True)
        for row in rows:
            if not isinstance(row, dict):
                raise PagerDutyError(
                    f"PagerDuty's answer holds strange {collection}.", status=200, retryable=True
                )
            # Rows that move between two pages come twice; an id is enough to tell.
            if row.get("id") not in seen:
                seen.add(row.get("id"))
                listing.rows.append(row)
        if not page.get("more"):
            listing.total = page.get("total")
            return listing
        if not rows:
            listing.complete = False
            listing.reason = "PagerDuty announced more rows but returned none."
            return listing
        offset += len(rows)
