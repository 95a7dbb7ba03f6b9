"""List all incidents, without a limit on their number, while they appear, change and disappear.

PagerDuty lists 10,000 rows of a query and six months of time (developer docs, pagination; api-schema, listIncidents).
A row that leaves the filter shifts the offsets of all later rows. So the listing continues from the creation time of
the last row, which never changes, instead of from an offset.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.client.paging import (
    FURTHEST,
    PAGE,
    Ending,
    Fetch,
    Row,
    Steps,
    by_offset,
    repeated,
    rows_of,
)

_INCIDENTS = "incidents"
_SPAN = timedelta(days=180)
# Whether `since` is inclusive is not documented, so one second is read twice.
_OVERLAP = timedelta(seconds=1)
# More than PagerDuty's clock may be ahead of ours.
_AHEAD = timedelta(hours=1)
_MOST_REPEATS = 50
# PagerDuty was founded in that year.
_FIRST = datetime(2009, 1, 1, tzinfo=UTC)


def by_creation(fetch: Fetch, since: datetime | None, end: datetime | None, until: float = math.inf) -> Steps:
    """Yield incidents from oldest to newest; each that exists throughout is yielded exactly once.

    since: None for the first. end: None for now; both aware. until: `time.monotonic()` after which no further page is
    requested. A server that ignores the order or `since` is read by offset. Raise PagerDutyError.
    """
    latest = datetime.now(UTC) + _AHEAD
    last = min(end, latest) if end else latest
    since = max(since, _FIRST) if since else None
    floor, offset, read, repeats = since, 0, 0, 0
    seen: dict[Any, datetime] = {}  # ids read since `floor`, with their creation times
    while True:
        if time.monotonic() > until:
            return Ending(
                False, f"PagerDuty timed out; continue with since {_text(floor)}." if floor else _SLOW
            )
        if offset + PAGE > FURTHEST:
            return Ending(
                False, f"More than {FURTHEST:,} incidents were created in one moment, {_text(floor)}."
            )
        asked = _window(floor, last)
        page = fetch({**asked, "sort_by": "created_at:asc", "offset": offset, "limit": PAGE})
        rows = rows_of(page, _INCIDENTS)
        times = _in_order(rows, floor)
        if times is None:
            ending = yield from _without_order(fetch, _window(since, last), page, rows, read, seen, until)
            whole = since is None or since + _SPAN >= last
            return (
                ending if whole else Ending(False, "PagerDuty did not keep to the order that was asked for.")
            )
        if offset and (not rows or rows[0].get("id") not in seen):
            if repeats == _MOST_REPEATS:
                return Ending(
                    False, f"The incidents changed faster than they could be read, at {_text(floor)}."
                )
            offset, repeats = (
                0,
                repeats + 1,
            )  # rows before this page are gone, so rows moved up: read them again
            continue
        new = [row for row in rows if row.get("id") not in seen]
        if offset and not new and page.get("more"):
            raise repeated(_INCIDENTS, read)
        seen |= {row.get("id"): at for row, at in zip(rows, times, strict=True)}
        read += len(new)
        yield new
        further = _further(page, times, floor, last)
        if isinstance(further, Ending):
            return further
        if floor is not None and further <= floor:
            offset += max(1, len(rows) - 1)  # overlap by one row, to detect that rows moved
        else:
            floor, offset = further, 0
            seen = {some_id: at for some_id, at in seen.items() if at >= further}


_SLOW = "PagerDuty timed out before all incidents were listed."


def _further(
    page: dict[str, Any], times: list[datetime], floor: datetime | None, last: datetime
) -> datetime | Ending:
    """Return the time to continue from, or how the listing ends."""
    if page.get("more"):
        return (
            times[-1] - _OVERLAP
            if times
            else Ending(False, "PagerDuty announced more rows but returned none.")
        )
    if floor is None or floor + _SPAN >= last:
        return Ending(total=page.get("total"))
    return floor + _SPAN - _OVERLAP


def _without_order(
    fetch: Fetch,
    asked: dict[str, Any],
    page: dict[str, Any],
    rows: list[Row],
    read: int,
    seen: dict[Any, datetime],
    until: float,
) -> Steps:
    """Continue by offset from the first page, or from a server that ignores `since` and restarts the listing."""
    if read == 0:
        yield rows
        if not page.get("more"):
            return Ending(total=page.get("total"))
        seen, read = dict.fromkeys((row.get("id") for row in rows), datetime.now(UTC)), len(rows)
    return (
        yield from by_offset(lambda at: fetch({**asked, **at}), _INCIDENTS, until, offset=read, seen=seen)
    )


def _in_order(rows: list[Row], floor: datetime | None) -> list[datetime] | None:
    """Return the creation times if each row has one, in order and not before `floor`; else None."""
    times = [_moment(row.get("created_at")) for row in rows]
    known = [at for at in times if at is not None]
    if len(known) < len(times) or known != sorted(known) or (known and floor and known[0] < floor):
        return None
    return known


def _moment(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _window(since: datetime | None, last: datetime) -> dict[str, str]:
    """Return the parameters for the time from `since`, at most as long as PagerDuty lists at once."""
    if since is None:
        return {"date_range": "all"}
    return {"since": _text(since), "until": _text(min(since + _SPAN, last))}


def _text(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else ""
