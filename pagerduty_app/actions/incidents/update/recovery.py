"""Look up whether an earlier update took effect, of which no response came.

A PUT takes effect as a whole. The log shows who escalated, assigned and changed the status, also if that has changed
again. The incident shows the other fields, but not who set them.
"""

from typing import Any

from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.actions.incidents.update.changes import asked_of, output
from pagerduty_app.actions.incidents.update.fields import FIELDS
from pagerduty_app.client import Api
from workflows.catalog import Caller, Json

# These notify again if they are repeated, so entries that were there before are told apart from ours.
_NOTIFYING = {"escalation_level": "escalate_log_entry", "assignee_ids": "assign_log_entry"}
_LOGGED = {"status", *_NOTIFYING}


def baseline(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return what `find` must not take for this update; None where nothing notifies. Raise PagerDutyError."""
    kinds = [kind for name, kind in _NOTIFYING.items() if name in data]
    return log_entries.baseline(api, data["incident_id"], caller, *kinds) if kinds else None


def find(api: Api, data: Json, incident: Json, agent: Any, caller: Caller) -> Json | None:
    """Return the output of an earlier attempt; None if nothing shows that it took effect. Raise PagerDutyError.

    incident: as it is now. agent: the id of the requester.
    """
    asked = asked_of(data)
    if _LOGGED.isdisjoint(asked):
        return output(incident, asked, None) if _shows(incident, data) else None
    entries = log_entries.since_first_sent(api, data["incident_id"], caller)
    ours = log_entries.change_by(list(log_entries.statuses_in(entries)), agent, data.get("status", ""))
    if not _is_proven(data, incident, log_entries.new(entries, caller), agent, bool(ours)):
        return None
    reopened = log_entries.reopened(ours) if "status" in data else False
    reason = "resolved_meanwhile" if reopened and not data.get("reopen") else None
    return output(incident, asked, reason, reopened=reopened)


def _is_proven(data: Json, incident: Json, entries: list[Json], agent: Any, has_status: bool) -> bool:
    """Return whether the update took effect. entries: that were not there before. has_status: the log shows the status.

    A status proves nothing else: the same user may have set it in another step, and then only the rest was sent.
    """
    if "escalation_level" in data:
        return _is_escalated(entries, agent)
    if _is_assigned(data, entries, agent):
        return True
    return (has_status or "status" not in data) and _shows(incident, data)


def _shows(incident: Json, data: Json) -> bool:
    """Return whether the incident has the values of all fields that it shows."""
    return all(field.shown(data[name], incident) for name, field in FIELDS.items() if name in data)


def _is_escalated(entries: list[Json], agent: Any) -> bool:
    return bool(log_entries.by(agent, entries, _NOTIFYING["escalation_level"]))


def _is_assigned(data: Json, entries: list[Json], agent: Any) -> bool:
    """Return whether the log shows that these users were assigned."""
    wanted = set(data.get("assignee_ids", ()))
    return bool(wanted) and any(
        _assignees(entry) == wanted for entry in log_entries.by(agent, entries, _NOTIFYING["assignee_ids"])
    )


def _assignees(entry: Json) -> set[str]:
    rows = entry.get("assignees")
    return {str(row.get("id")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
