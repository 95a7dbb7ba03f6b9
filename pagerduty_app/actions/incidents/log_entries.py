"""Changes in an incident's log (api-schema, listIncidentLogEntries; needs incidents.read)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from core.db import clock
from pagerduty_app.actions.clocks import SKEW
from pagerduty_app.client import Api
from pagerduty_app.client.paging import whole
from workflows.catalog import Caller, Json
from workflows.formatting.datetimes import moment

TRIGGER = "trigger_log_entry"
UNACKNOWLEDGE = "unacknowledge_log_entry"
# PagerDuty's schema spells the first one both ways.
_STATUS_AFTER = {
    "acknowledge_log_entry": "acknowledged",
    "acknowledgement_log_entry": "acknowledged",
    UNACKNOWLEDGE: "triggered",
    TRIGGER: "triggered",
    "resolve_log_entry": "resolved",
}
_PAGE = 100
_BASELINE = "log_entries"


def newest(api: Api, incident_id: str, since: datetime | None) -> list[Json]:
    """Return the entries since then, newest first, of one page. Raise PagerDutyError."""
    entries = api.log_entries(incident_id, _asked(since) | {"limit": _PAGE})
    return [entry for entry in entries if _is_since(entry, since)]


def every(api: Api, incident_id: str, since: datetime | None, until: float) -> list[Json]:
    """Return all entries since then, newest first.

    until: `time.monotonic()` after which no further page is requested. Raise PagerDutyError, also if entries are left
    out: what is not among the others may be there.
    """
    pages = api.everything("log_entries", _asked(since), until, incident_id)
    entries = whole(pages, "The incident’s log could not be read to its end.")
    return [entry for entry in entries if _is_since(entry, since)]


def _asked(since: datetime | None) -> Json:
    return {} if since is None else {"since": (since - timedelta(seconds=1)).isoformat()}


def since_first_sent(api: Api, incident_id: str, caller: Caller) -> list[Json]:
    """Return the entries since the call was first sent, with allowance for the clocks. Raise PagerDutyError."""
    return every(api, incident_id, _first_sent_at(caller) - SKEW, caller.until)


def baseline(api: Api, incident_id: str, caller: Caller, *kinds: str) -> Json | None:
    """Return which of the entries that `since_first_sent` will find are there already. Raise PagerDutyError.

    None before a repeat: what is there by now may be the effect of the first attempt, whose baseline stays.
    """
    if caller.sent_before:
        return None
    entries = since_first_sent(api, incident_id, caller)
    return {_BASELINE: [entry["id"] for entry in entries if entry.get("type") in kinds]}


def new(entries: Iterable[Json], caller: Caller) -> list[Json]:
    """Return the entries that are not of the baseline."""
    before = frozenset((caller.baseline or {}).get(_BASELINE, ()))
    return [entry for entry in entries if entry["id"] not in before]


def _first_sent_at(caller: Caller) -> datetime:
    return caller.first_sent_at or clock.now()


def statuses_in(entries: Iterable[Json]) -> Iterator[Json]:
    """Yield the changes of status: {"kind", "status", "agent", "by", "at"}. agent: the ID of who or what it was by."""
    for entry in entries:
        kind, by, at = str(entry.get("type")), entry.get("agent"), moment(entry.get("created_at"))
        if kind in _STATUS_AFTER and at is not None:
            yield {"kind": kind, "status": _STATUS_AFTER[kind], "agent": _id(by), "by": by, "at": at}


def by(agent: Any, entries: Iterable[Json], *kinds: str) -> list[Json]:
    """Return the entries of these kinds that a user caused."""
    return [entry for entry in entries if entry.get("type") in kinds and _id(entry.get("agent")) == agent]


def change_by(entries: list[Json], agent: Any, status: str) -> list[Json]:
    """Return the changes from the newest one to that status by that user on; [] if there is none."""
    for index, entry in enumerate(entries):
        if (entry["agent"], entry["status"]) == (agent, status):
            return entries[index:]
    return []


def reopened(entries: list[Json]) -> bool | None:
    """Return whether the first of these changes reopened a resolved incident; None without changes."""
    if not entries:
        return None
    others = (entry["status"] for entry in entries if entry["status"] != entries[0]["status"])
    return next(others, "") == "resolved"


def _is_since(entry: Json, since: datetime | None) -> bool:
    at = moment(entry.get("created_at"))
    return at is not None and (since is None or at >= since)


def _id(agent: Any) -> Any:
    return agent.get("id") if isinstance(agent, dict) else None
