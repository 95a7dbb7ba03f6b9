"""Incidents that were reopened or unacknowledged, read from their logs (api-schema, listIncidentLogEntries).

An incident does not show that it came back, its log does: a kind of entry stands for the end of an acknowledgement; a
reopening has no kind of its own and is the first change of status after a resolution.
"""

import time
from datetime import UTC, datetime

from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import RepeatedPage, object_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.subscriptions.found_change import FoundChange
from workflows.catalog import Json
from workflows.formatting.datetimes import moment

_REOPENED = "incident.reopened"
_UNACKNOWLEDGED = "incident.unacknowledged"
EVENTS = frozenset({_REOPENED, _UNACKNOWLEDGED})
_MOST_LOGS = 200
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
    read = unclear = 0
    with provider_errors():
        for incident in changed[:_MOST_LOGS]:
            if time.monotonic() > end:
                break
            back, is_clear = _of(api, incident, since, end)
            found += [one for one in back if one.kind in events]
            unclear += not is_clear
            read += 1
    return found, _left_out(read, len(changed), unclear if _REOPENED in events else 0)


def _left_out(read: int, changed: int, unclear: int) -> list[str]:
    words = []
    if read < changed:
        words.append(
            f"Of {changed:,} incidents that changed, only the {read:,} that changed last were checked for having been "
            "reopened or unacknowledged."
        )
    if unclear:
        words.append(f"PagerDuty’s log does not show whether {unclear:,} of the incidents were reopened.")
    return words


def _changed_at(incident: Json) -> datetime:
    """Return when its status last changed, or later: of a triggered incident this is its last update (api-schema)."""
    return moment(incident.get("last_status_change_at")) or _UNKNOWN


def _of(api: Api, incident: Json, since: datetime, end: float) -> tuple[list[FoundChange], bool]:
    """Return how often the incident came back, and whether its log leads to its present status.

    If not, the log says more than is understood here: nothing is taken for a reopening. Raise PagerDutyError.
    """
    try:
        changes = _changes(api, incident["id"], since, end)
        found, status = _replayed(incident, changes or [])
        is_clear = changes is not None and (
            status == incident.get("status") or status == _status_now(api, incident)
        )
    except PagerDutyError as error:
        if error.status == 404:  # deleted since it was listed
            return [], True
        raise
    return [one for one in found if is_clear or one.kind != _REOPENED], is_clear


def _status_now(api: Api, incident: Json) -> str:
    return str(object_of(api.get_incident(incident["id"]), "incident", needs=("status",))["status"])


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
