"""Changes in an incident's log (api-schema, listIncidentLogEntries; needs incidents.read)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from pagerduty_app.client import Api
from workflows.catalog import Caller, Json
from workflows.formatting.datetimes import moment

# The largest difference between PagerDuty's clock and ours.
SKEW = timedelta(minutes=2)
# PagerDuty's schema spells the first one both ways.
_STATUS_AFTER = {
    "acknowledge_log_entry": "acknowledged",
    "acknowledgement_log_entry": "acknowledged",
    "unacknowledge_log_entry": "triggered",
    "trigger_log_entry": "triggered",
    "resolve_log_entry": "resolved",
}
_PAGE = 100


def recent(api: Api, incident_id: str, since: datetime | None) -> list[Json]:
    """Return the entries since then, newest first, of one page. Raise PagerDutyError."""
    asked: Json = {"limit": _PAGE}
    if since is not None:
        asked["since"] = (since - timedelta(seconds=1)).isoformat()
    return [entry for entry in api.log_entries(incident_id, asked) if _is_since(entry, since)]


def since_first_sent(api: Api, incident_id: str, caller: Caller) -> list[Json]:
    """Return the entries since the call was first sent, with allowance for the clocks. Raise PagerDutyError."""
    return recent(api, incident_id, caller.first_sent_at - SKEW if caller.first_sent_at else None)


def statuses(api: Api, incident_id: str, since: datetime | None) -> list[Json]:
    """Return the changes of status since then, newest first, of one page. Raise PagerDutyError."""
    return list(statuses_in(recent(api, incident_id, since)))


def statuses_in(entries: Iterable[Json]) -> Iterator[Json]:
    """Yield the changes of status: {"status", "agent", "at"}."""
    for entry in entries:
        status, at = _STATUS_AFTER.get(str(entry.get("type"))), moment(entry.get("created_at"))
        if status and at is not None:
            yield {"status": status, "agent": _id(entry.get("agent")), "at": at}


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
