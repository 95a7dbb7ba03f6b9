"""All schedules of an account: no request of PagerDuty lists both kinds (api-schema, listSchedules, listSchedulesV3).

Layer-based schedules come first, then shift-based ones. One kind may be unavailable to an account or a token: the other
is listed then, and the listing says that it is incomplete.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pagerduty_app.client import Api, PagerDutyError, Walk
from pagerduty_app.client.paging import Ending, Steps, by_offset, rows_of

Json = dict[str, Any]
# Rows of a page of references (api-schema).
_LARGE_PAGE = 1_000
_REFUSED = frozenset({400, 402, 403, 404})


def all_schedules(api: Api, filters: Mapping[str, Any], until: float = math.inf) -> Walk:
    """Return the schedules of both kinds. filters: query. Raise PagerDutyError if both kinds are refused."""
    return Walk(_both(api, filters, until))


def schedules_page(api: Api, filters: Mapping[str, Any], offset: int, limit: int, until: float) -> Json:
    """Return one page of the schedules of both kinds, in the shape of PagerDuty's own pages.

    `complete` and `incomplete_reason` are present if a kind is refused. until: see paging.by_offset. Raise
    PagerDutyError if both are.
    """
    refusal = None
    first: Json = {"schedules": [], "total": 0, "more": False}
    try:
        first = api.page("schedules", {**filters, "offset": offset, "limit": limit, "total": True})
    except PagerDutyError as error:
        if error.status not in _REFUSED:
            raise
        refusal = error
    rows = rows_of(first, "schedules")
    page: Json = {"schedules": rows, "offset": offset, "limit": limit, "more": True, "total": None}
    if first.get("more"):
        return page
    before = _layer_based_count(api, filters, offset, first, until)
    walk = Walk(_shift_based(api, filters, until, (), refusal))
    others = [row for part in walk for row in part]
    start = max(0, offset - before)
    rows += others[start : start + limit - len(rows)]
    page |= {"more": offset + len(rows) < before + len(others), "total": before + len(others)}
    reason = _joined(_of_refusal("Layer-based", refusal), walk.ending.reason)
    return page | ({"complete": False, "incomplete_reason": reason} if reason else {})


def _layer_based_count(api: Api, filters: Mapping[str, Any], offset: int, last: Json, until: float) -> int:
    """Return how many there are. last: the page at `offset`, with nothing after it.

    Without a `total`, an empty page says only that the last one lies before it: they are counted.
    """
    total, rows = last.get("total"), last["schedules"]
    if isinstance(total, int) and not isinstance(total, bool):
        return total
    if rows or not offset:
        return offset + len(rows)
    walk = api.everything("schedules", filters, until)
    count = sum(len(page) for page in walk)
    if not walk.ending.complete:
        raise PagerDutyError(walk.ending.reason, status=200, retryable=True)
    return count


def _both(api: Api, filters: Mapping[str, Any], until: float) -> Steps:
    seen: set[Any] = set()
    refusal, first = None, Ending()
    walk = api.everything("schedules", filters, until)
    try:
        for page in walk:
            seen.update(row.get("id") for row in page)
            yield page
        first = walk.ending
    except PagerDutyError as error:
        if seen or error.status not in _REFUSED:
            raise
        refusal = error
    second = yield from _shift_based(api, filters, until, seen, refusal)
    reason = _joined(_of_refusal("Layer-based", refusal), first.reason, second.reason)
    return Ending(not reason, reason)


def _shift_based(
    api: Api, filters: Mapping[str, Any], until: float, seen: Iterable[Any], refusal: PagerDutyError | None
) -> Steps:
    """Yield the shift-based schedules, each with `name`. refusal: of the other kind.

    A schedule that is upgraded in between was listed as layer-based already (`seen`). The guide to the upgrade says
    that this list has no `query`, so that rows are filtered here as well.
    """
    query = str(filters.get("query") or "").casefold()
    walk = Walk(
        by_offset(
            lambda at: api.shift_based_schedules({**filters, **at}),
            "schedules",
            until,
            seen=seen,
            size=_LARGE_PAGE,
        )
    )
    try:
        for page in walk:
            named = [{"name": row.get("summary") or row["id"], **row} for row in page]
            yield [row for row in named if query in str(row["name"] or "").casefold()]
    except PagerDutyError as error:
        if error.status not in _REFUSED:
            raise
        if refusal is not None:
            raise refusal from None
        return Ending(False, _of_refusal("Shift-based", error))
    return walk.ending


def _of_refusal(kind: str, error: PagerDutyError | None) -> str:
    return f"{kind} schedules are missing: PagerDuty refused to list them ({error.message})." if error else ""


def _joined(*reasons: str) -> str:
    return " ".join(filter(None, reasons))
