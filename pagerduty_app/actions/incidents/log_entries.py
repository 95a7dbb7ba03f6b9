"""Status changes in an incident's log (api-schema, listIncidentLogEntries; needs incidents.read)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pagerduty_app.client import Api
from workflows.catalog import Json
from workflows.formatting.datetimes import moment

# PagerDuty's schema spells the first one both ways.
_STATUS_AFTER = {
    "acknowledge_log_entry": "acknowledged",
    "acknowledgement_log_entry": "acknowledged",
    "unacknowledge_log_entry": "triggered",
    "trigger_log_entry": "triggered",
    "resolve_log_entry": "resolved",
}
_PAGE = 100


def statuses(api: Api, incident_id: str, since: datetime | None) -> list[Json]:
    """Return [{"status", "agent", "at"}], newest first, of one page. Raise PagerDutyError."""
    asked: Json = {"limit": _PAGE}
    if since is not None:
        asked["since"] = (since - timedelta(seconds=1)).isoformat()
    return list(_read(api.log_entries(incident_id, asked), since))


def _read(entries: list[Json], since: datetime | None) -> Iterator[Json]:
    for entry in entries:
        status, at = _STATUS_AFTER.get(str(entry.get("type"))), moment(entry.get("created_at"))
        if status and at is not None and (since is None or at >= since):
            yield {"status": status, "agent": _id(entry.get("agent")), "at": at}


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


def _id(agent: Any) -> Any:
    return agent.get("id") if isinstance(agent, dict) else None
