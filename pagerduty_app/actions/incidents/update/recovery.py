"""Look up whether an earlier update took effect, of which no response came.

A PUT takes effect as a whole, so one proof is enough. The log shows who changed the status, escalated and assigned,
also if that has changed again. The incident shows the other fields, but not who set them.
"""

from typing import Any

from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.actions.incidents.update.changes import asked_of, output
from pagerduty_app.actions.incidents.update.fields import FIELDS
from pagerduty_app.client import Api
from workflows.catalog import Caller, Json

# Only the log shows these.
_ONLY_IN_LOG = frozenset({"status", "escalation_level"})
_LOGGED = _ONLY_IN_LOG | {"assignee_ids"}


def find(api: Api, data: Json, incident: Json, agent: Any, caller: Caller) -> Json | None:
    """Return the output of an earlier attempt; None if nothing shows that it took effect. Raise PagerDutyError.

    incident: as it is now. agent: the id of the requester.
    """
    asked = asked_of(data)
    if not _LOGGED.isdisjoint(asked):
        entries = log_entries.since_first_sent(api, data["incident_id"], caller)
        ours = log_entries.change_by(list(log_entries.statuses_in(entries)), agent, data.get("status", ""))
        if ours:
            reopened = log_entries.reopened(ours)
            reason = "resolved_meanwhile" if reopened and not data.get("reopen") else None
            return output(incident, asked, reason, reopened=reopened)
        if "status" not in data and (
            _is_escalated(data, entries, agent) or _is_assigned(data, entries, agent)
        ):
            return output(incident, asked, None)
    if not _ONLY_IN_LOG.isdisjoint(asked):
        return None
    shown = all(FIELDS[name].shown(data[name], incident) for name in asked)
    return output(incident, asked, None) if shown else None


def _is_escalated(data: Json, entries: list[Json], agent: Any) -> bool:
    return "escalation_level" in data and bool(log_entries.by(agent, entries, "escalate_log_entry"))


def _is_assigned(data: Json, entries: list[Json], agent: Any) -> bool:
    """Return whether the log shows that these users were assigned."""
    wanted = set(data.get("assignee_ids", ()))
    return bool(wanted) and any(
        _assignees(entry) == wanted for entry in log_entries.by(agent, entries, "assign_log_entry")
    )


def _assignees(entry: Json) -> set[str]:
    rows = entry.get("assignees")
    return {str(row.get("id")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
