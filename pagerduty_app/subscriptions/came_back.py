"""Incidents that were reopened or unacknowledged, read from their logs (api-schema, listIncidentLogEntries).

An incident does not show that it came back, its log does: a kind of entry stands for the end of an acknowledgement; a
reopening has no kind of its own and is the first change of status after a resolution.
"""

import time
from collections import Counter
from datetime import UTC, datetime

from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.actions.incidents.response import incident_state
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import RepeatedPage
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.subscriptions.found_change import FoundChange
from workflows.catalog import Json
from workflows.formatting.datetimes import moment

_REOPENED = "incident.reopened"
_UNACKNOWLEDGED = "incident.unacknowledged"
EVENTS = frozenset({_REOPENED, _UNACKNOWLEDGED})
_MOST_LOGS = 200
# They are about the connection and not about one incident: the other logs would be refused as well.
_OF_ALL = frozenset({401, 429})
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


def came_back(
    api: Api, events: frozenset[str], incidents: list[Json], since: datetime, end: float
) -> tuple[list[FoundChange], list[str]]:
    """Return the changes of these types, earlier ones among them, and what could not be found, as sentences.

    since: only incidents that changed since then are looked at.
    end: `time.monotonic()` after which no further log is read. Raise ProviderError.
    """
    changed = [incident for incident in incidents if _changed_at(incident) >= since]
    changed.sort(key=_changed_at, reverse=True)
    found: list[FoundChange] = []
    unclear: Counter[str] = Counter()
    read = 0
    with provider_errors():
        for incident in changed[:_MOST_LOGS]:
            if time.monotonic() > end:
                break
            back, unknown = _read_if_possible(api, incident, since, end)
            found += [one for one in back if one.kind in events]
            unclear.update(unknown & events)
            read += 1
    return found, _left_out(read, len(changed), unclear)


def _left_out(read: int, changed: int, unclear: Counter[str]) -> list[str]:
    """unclear: for how many incidents it is unknown whether there was a change of that type."""
    words = []
    if read < changed:
        words.append(
            f"Of {changed:,} incidents that changed, only the {read:,} that changed last were checked for having been "
            "reopened or unacknowledged."
        )
    for kind, count in sorted(unclear.items()):
        happened = kind.removeprefix("incident.")
        words.append(f"PagerDuty’s log does not show whether {count:,} of the incidents were {happened}.")
    return words


def _changed_at(incident: Json) -> datetime:
    """Return when its status last changed, or later: of a triggered incident this is its last update (api-schema)."""
    return moment(incident.get("last_status_change_at")) or _UNKNOWN


def _read_if_possible(
    api: Api, incident: Json, since: datetime, end: float
) -> tuple[list[FoundChange], frozenset[str]]:
    """Return how often the incident came back, and the types of which that is unknown.

    A log that cannot be read, the second time either, keeps nothing else from being recovered. Raise PagerDutyError if
    the connection is refused.
    """
    for is_last in (False, True):
        try:
            return _read(api, incident, since, end)
        except PagerDutyError as error:
            if error.status in _OF_ALL:
                raise
            if error.status == 404:  # deleted since it was listed
                return [], frozenset()
            if is_last or not error.retryable or time.monotonic() > end:
                break
    return [], EVENTS


def _read(api: Api, incident: Json, since: datetime, end: float) -> tuple[list[FoundChange], frozenset[str]]:
    """Return the same as `_read_if_possible`. Raise PagerDutyError.

    If the log does not lead to the present status, it says more than is understood here: nothing is taken for a
    reopening.
    """
    changes = _changes(api, incident["id"], since, end)
    if changes is None:
        return [], EVENTS
    found, status = _replayed(incident, changes)
    if status == incident.get("status") or status == incident_state.present(api, incident["id"])["status"]:
        return found, frozenset()
    return [one for one in found if one.kind != _REOPENED], frozenset({_REOPENED})


def _changes(api: Api, incident_id: str, since: datetime, end: float) -> list[Json] | None:
    """Return the changes of status, oldest first, with the last one before `since`; None if a page is missing."""
    pages = api.everything("log_entries", {}, end, incident_id)
    changes: list[Json] = []
    try:
        for page in pages:
            changes += log_entries.statuses_in(page)
            if any(change["at"] < since and change["kind"] != log_entries.TRIGGER for change in changes):
                break
        else:
            if not pages.ending.complete:
                return None
    except RepeatedPage:
        return None
    changes.reverse()
    changes.sort(key=lambda change: change["at"])
    return changes


def _replayed(incident: Json, changes: list[Json]) -> tuple[list[FoundChange], str]:
    """Return how often the incident came back, and its status after these changes."""
    found, status = [], ""
    for change in changes:
        kind = ""
        if status == "resolved" and change["status"] != status:
            kind = _REOPENED
        elif change["kind"] == log_entries.UNACKNOWLEDGE:
            kind = _UNACKNOWLEDGED
        elif change["kind"] == log_entries.TRIGGER and status:
            continue  # an alert that is repeated is logged, but ends no acknowledgement
        status = change["status"]
        if kind:
            found.append(FoundChange(kind, incident, change["at"], status, change["by"]))
    return found, status
