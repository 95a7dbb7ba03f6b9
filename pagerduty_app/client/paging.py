"""Paging by offset, advanced by the rows really returned, until PagerDuty says that there are no more."""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pagerduty_app.client.errors import PagerDutyError

Row = dict[str, Any]
Fetch = Callable[[Mapping[str, Any]], dict[str, Any]]
PAGE = 100
# PagerDuty returns 400 if offset + limit exceeds this (developer docs, pagination).
FURTHEST = 10_000


@dataclass(frozen=True)
class Ending:
    """The end of a listing. complete: nothing was left out; reason: why rows were. total: as PagerDuty reports it."""

    complete: bool = True
    reason: str = ""
    total: int | None = None


Steps = Generator[list[Row], None, Ending]


class RepeatedPage(PagerDutyError):
    """PagerDuty sent a page again instead of the next one.

    Not retryable: where a server does not page at all, a step that lists would only fail six hours later. A look-up is
    another matter (`whole`).
    """


class Walk:
    """A listing, page by page: iterating yields rows not yielded before. `ending` is set after the last page."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.ending = Ending(complete=False, reason="It was not read to its end.")

    def __iter__(self) -> Iterator[list[Row]]:
        self.ending = yield from self._steps


def whole(walk: Walk, said: str, *, outcome_unknown: bool = True) -> list[Row]:
    """Return all rows of a listing in which something is looked up.

    Raise PagerDutyError, retryable, if rows are left out or a page comes again: what is not among the others may be
    there. said: the first sentence of that error.
    """
    try:
        rows = [row for page in walk for row in page]
    except RepeatedPage as error:
        why = error.message  # rows that are added in the meantime move a page back
    else:
        if walk.ending.complete:
            return rows
        why = walk.ending.reason
    raise PagerDutyError(f"{said} {why}", status=200, retryable=True, outcome_unknown=outcome_unknown)


def by_offset(
    fetch: Fetch,
    collection: str,
    until: float = math.inf,
    *,
    offset: int = 0,
    seen: Iterable[Any] = (),
    size: int = PAGE,
) -> Steps:
    """Yield every row that `fetch({"offset", "limit"})` returns, from an offset on.

    until: `time.monotonic()` after which no further page is requested. seen: ids yielded before. size: rows of a page.
    Raise PagerDutyError.
    """
    come = set(seen)
    while True:
        if time.monotonic() > until:
            return Ending(False, f"PagerDuty timed out before all {collection} were listed.")
        limit = min(size, FURTHEST - offset)
        if limit <= 0:
            return Ending(False, f"PagerDuty lists at most {FURTHEST:,} {collection}; narrow the filters.")
        page = fetch({"offset": offset, "limit": limit})
        rows = rows_of(page, collection)
        # Rows that move between two pages are returned twice and recognised by id.
        new = [row for row in rows if row.get("id") not in come]
        yield new
        come.update(row.get("id") for row in new)
        if rows and not new and page.get("more"):
            raise repeated(collection, len(come))
        if not page.get("more"):
            return Ending(total=page.get("total"))
        if not rows:
            return Ending(False, "PagerDuty announced more rows but returned none.")
        offset += len(rows)


def repeated(collection: str, read: int) -> RepeatedPage:
    """Return the error for a server that repeats a page: a listing of it would not end before its bound."""
    return RepeatedPage(
        "PagerDuty sent the same page again instead of the next one; "
        f"{read:,} {collection.replace('_', ' ')} were read.",
        status=200,
    )


def rows_of(page: dict[str, Any], collection: str) -> list[Row]:
    """Return the rows of a page. Raise PagerDutyError if it has none."""
    rows = page.get(collection)
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise no_rows(collection)
    return rows


def no_rows(collection: str) -> PagerDutyError:
    return PagerDutyError(
        f"PagerDuty's answer holds no {collection.replace('_', ' ')}.", status=200, retryable=True
    )


def object_of(answer: dict[str, Any], name: str, *, needs: tuple[str, ...], writes: bool = False) -> Row:
    """Return the named object of a response, checked for the given texts. Raise PagerDutyError if it is missing.

    writes: the response is to a write, so its outcome is unknown.
    """
    found = answer.get(name)
    if not isinstance(found, dict) or not all(isinstance(found.get(one), str) for one in needs):
        raise PagerDutyError(
            f"PagerDuty's answer holds no {name}.", status=200, retryable=True, outcome_unknown=writes
        )
    return found


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str)
