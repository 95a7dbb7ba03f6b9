"""Undelivered events, derived from the present incidents (PagerDuty api-schema, listIncidents).

An incident shows when it was created, acknowledged (as long as it is) and resolved; not what it went through in
between. So the last acknowledgement and the last resolution can be found, and which ones cannot is said. That it came
back is in its log (pagerduty_app.subscriptions.came_back).
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.subscriptions import came_back
from pagerduty_app.subscriptions.found_change import FoundChange, text
from workflows.catalog import Json, Missed, Reach
from workflows.formatting.datetimes import moment

# `since` and `until` of the listing are about when incidents were created: older ones change, too.
_OPENED_BEFORE = timedelta(days=30)
_MOST_READ = 2_000
_MOST_FOUND = 500
_LISTING_SECONDS = 45.0
# Of both together: a turn has 60 seconds (workflows.queue.turns).
_READING_SECONDS = 50.0
_MOST_NAMED = 5


def _created(incident: Json) -> datetime | None:
    return moment(incident.get("created_at"))


def _acknowledged(incident: Json) -> datetime | None:
    given = incident.get("acknowledgements")
    entries = given if isinstance(given, list) else []
    moments = [moment(entry.get("at")) for entry in entries if isinstance(entry, dict)]
    if incident.get("status") != "acknowledged":
        return None
    return max((at for at in moments if at), default=moment(incident.get("last_status_change_at")))


def _resolved(incident: Json) -> datetime | None:
    if incident.get("status") != "resolved":
        return None
    return moment(incident.get("resolved_at")) or moment(incident.get("last_status_change_at"))


_FINDS: dict[str, Callable[[Json], datetime | None]] = {
    "incident.triggered": _created,
    "incident.acknowledged": _acknowledged,
    "incident.resolved": _resolved,
}
_CANNOT = {
    "incident.acknowledged": (
        "Acknowledgements of incidents that were resolved or triggered again since then cannot be recovered."
    ),
    "incident.resolved": "Resolutions of incidents that were reopened since then cannot be recovered.",
    "incident.annotated": "Notes added in the meantime cannot be recovered.",
}


def missed(api: Api, events: frozenset[str], reach: Reach, since: datetime, until: datetime) -> Missed:
    """The changes of those types between the two times, as far as they still show."""
    since = since.replace(microsecond=0)  # PagerDuty shows whole seconds
    words = [_CANNOT[kind] for kind in sorted(events & _CANNOT.keys())]
    words += _unknown(sorted(events - _FINDS.keys() - _CANNOT.keys() - came_back.EVENTS))
    if not events & (_FINDS.keys() | came_back.EVENTS):
        return Missed([], " ".join(words))
    end = time.monotonic() + _READING_SECONDS
    incidents, all_read = _incidents(api, reach, since - _OPENED_BEFORE, until)
    if events - {"incident.triggered"}:
        words.append(f"Incidents opened before {since - _OPENED_BEFORE:%Y-%m-%d} were not checked.")
    if not all_read:
        words.append(f"There were more than {_MOST_READ:,} incidents; only the newest were checked.")
    found = _shown(events, incidents)
    if events & came_back.EVENTS:
        back, more_words = came_back.came_back(api, events, incidents, since, end)
        found += back
        words += more_words
    found = sorted((one for one in found if since <= one.at <= until), key=FoundChange.order)
    if len(found) > _MOST_FOUND:
        words.append(f"Only the newest {_MOST_FOUND} of {len(found):,} changes were taken.")
        found = found[-_MOST_FOUND:]
    return Missed([one.missed() for one in found], " ".join(words))


def _shown(events: frozenset[str], incidents: list[Json]) -> list[FoundChange]:
    """Return the changes of these types that the incidents themselves show."""
    found = []
    for kind in sorted(events & _FINDS.keys()):
        for incident in incidents:
            if at := _FINDS[kind](incident):
                by = incident.get("last_status_change_by") if kind != "incident.triggered" else None
                found.append(FoundChange(kind, incident, at, kind.removeprefix("incident."), by))
    return found


def _unknown(kinds: list[str]) -> list[str]:
    """Name the types that no present state shows, in one sentence."""
    if not kinds:
        return []
    if len(kinds) == 1:
        return [f"Events of the type {kinds[0]} cannot be recovered."]
    more = f" and {len(kinds) - _MOST_NAMED} more" if len(kinds) > _MOST_NAMED else ""
    return [f"Events of the types {', '.join(kinds[:_MOST_NAMED])}{more} cannot be recovered."]


def _incidents(api: Api, reach: Reach, since: datetime, until: datetime) -> tuple[list[Json], bool]:
    """The newest first, and whether that were all."""
    params: Json = {
        "since": text(since),
        "until": text(until + timedelta(seconds=1)),
        "sort_by": "created_at:desc",
    }
    if reach.kind != "account":
        params[f"{reach.kind}_ids"] = [reach.id]
    rows: list[Json] = []
    read = 0
    walk = api.everything("incidents", params, end := time.monotonic() + _LISTING_SECONDS)
    with provider_errors():
        for page in walk:
            rows += [row for row in page if _usable_id(row["id"])]
            read += len(page)
            if read >= _MOST_READ:
                return rows, False
        if not walk.ending.complete and time.monotonic() > end:
            raise PagerDutyError("PagerDuty timed out while listing the incidents.", retryable=True)
    return rows, walk.ending.complete


def _usable_id(some_id: Any) -> bool:
    return isinstance(some_id, str) and 0 < len(some_id) <= 64
