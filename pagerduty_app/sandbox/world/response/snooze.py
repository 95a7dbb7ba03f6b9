"""Snooze an incident (api-schema, createIncidentSnooze)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.refusals import Refused
from pagerduty_app.sandbox.world import log_entries
from pagerduty_app.sandbox.world.incidents import Incidents

Json = dict[str, Any]


def snooze(incidents: Incidents, account: str, user: Json, incident_id: str, seconds: int) -> Json:
    """Snooze an open incident, which acknowledges a triggered one. Its return is shown, but never comes."""
    with incidents.transaction():
        incident = incidents.get(account, incident_id)
        if incident["status"] == "resolved":
            raise Refused(400, 1001, "Incident Already Resolved")
        acknowledges = incident["status"] == "triggered"
        if acknowledges:
            incidents.set_status(incident, "acknowledged", user)
            incidents.note_down(incident, log_entries.OF_STATUS["acknowledged"], user)
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        action = {"type": "unacknowledge", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        incident["pending_actions"] = [action]
        incidents.note_down(incident, "snooze_log_entry", user, changed_actions=[action])
        incidents.save(incident)
    if acknowledges:
        incidents.tell("incident.acknowledged", account, incident, user)
    return incident
