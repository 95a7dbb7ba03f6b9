"""Listings: one page, everything up to a bound, or everything as a stream."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from connections.grants.request_budget import Exhausted
from pagerduty_app.actions.spans import Span
from pagerduty_app.client import Api, Walk
from pagerduty_app.client.paging import rows_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.schedules.listing import all_schedules, schedules_page
from workflows.catalog import Caller, Json, Streamed

_DEFAULT_LIMIT = 25
# The bound of one response; a stream has none.
MOST_ROWS = 50_000
_PAGING = frozenset({"all", "offset", "limit"})
# Inputs that are no filters: of paging, and the incident that the rows belong to, which is in the path.
_NO_FILTERS = _PAGING | {"incident_id"}
_TIMES = frozenset({"since", "until", "date_range"})


def listing(collection: str) -> Callable[[Api, Json, Caller], Json]:
    """Return `perform` for a listing of that collection of the account, or of the incident that the input names."""

    def perform(api: Api, data: Json, caller: Caller) -> Json:
        span = _span(collection, data)
        with provider_errors():
            if data.get("all"):
                return collect(collection, _walk(api, collection, data, span, caller.until), span, caller)
            page = {"offset": data.get("offset", 0), "limit": data.get("limit", _DEFAULT_LIMIT)}
            if collection == "schedules":
                return schedules_page(api, _filters(data, span), **page, until=caller.until)
            wanted = _filters(data, span) | (span.asked() if span else {}) | page
            answer = api.page(collection, wanted, data.get("incident_id", ""))
            rows_of(answer, collection)
        names = (collection, "offset", "limit", "more", "total")
        return {name: answer.get(name) for name in names} | (span.asked() if span else {})

    return perform


def stream(collection: str) -> Callable[[Api, Json, Caller], Iterator[Streamed]]:
    """Return `stream` for a listing of that collection: rows page by page, then the summary."""

    def rows(api: Api, data: Json, caller: Caller) -> Iterator[Streamed]:
        span, read = _span(collection, data), 0
        walk = _walk(api, collection, data, span, caller.until)
        with provider_errors():
            for page in walk:
                read += len(page)
                caller.progress(read=read)
                yield Streamed(rows=page)
        yield Streamed(summary=_summary(walk, read, span))

    return rows


def all_pages(templates: Mapping[str, Any]) -> Json:
    """Return the default of a step: all pages, unless the step chooses between pages and all by itself."""
    return {} if _PAGING & templates.keys() else {"all": True}


def in_background(data: Json) -> bool:
    """Return whether the input asks for all pages, which can take long."""
    return bool(data.get("all"))


def _walk(api: Api, collection: str, data: Json, span: Span | None, until: float) -> Walk:
    if collection == "schedules":
        return all_schedules(api, _filters(data, span), until)
    if span is None:
        return api.everything(collection, _filters(data, span), until, data.get("incident_id", ""))
    # Without `until` the listing ends at the newest row, also if PagerDuty's clock is ahead of ours.
    return api.all_incidents(_filters(data, span), span.since, None if span.open else span.until, until)


def collect(collection: str, walk: Walk, span: Span | None, caller: Caller) -> Json:
    """Return all rows of a listing in one answer, as far as they fit; `complete` says whether they are all."""
    rows: list[Json] = []
    full, spent = False, False
    try:
        for page in walk:
            rows += page
            caller.progress(read=len(rows))
            if full := len(rows) >= MOST_ROWS:
                break
    except Exhausted:
        if not rows:
            raise  # no row is lost: the retry starts again
        spent = True
    answer = {collection: rows, "offset": 0, "limit": len(rows)} | _summary(walk, len(rows), span)
    if full:
        answer["incomplete_reason"] = (
            f"One answer holds {MOST_ROWS:,} {collection}; narrow the filters, or request a stream from the API."
        )
    if spent:
        further = f"continue with since {rows[-1].get('created_at')}" if span else "list them again later"
        answer["incomplete_reason"] = f"PagerDuty’s rate limit for this minute is used up; {further}."
    return answer


def _summary(walk: Walk, read: int, span: Span | None) -> Json:
    ending = walk.ending
    summary: Json = {
        "more": not ending.complete,
        "total": read if ending.complete else ending.total,
        "complete": ending.complete,
    }
    reason = {} if ending.complete else {"incomplete_reason": ending.reason}
    return summary | reason | (span.asked() if span else {})


def _span(collection: str, data: Json) -> Span | None:
    return Span.of(data) if collection == "incidents" else None


def _filters(data: Json, span: Span | None) -> Json:
    """Return the query parameters beside paging. span: what to send for the times instead of the input's."""
    others = _NO_FILTERS | _TIMES if span else _NO_FILTERS
    return {name: _plain(value) for name, value in data.items() if name not in others}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
