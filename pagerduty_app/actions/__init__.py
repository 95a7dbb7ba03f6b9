"""The actions on PagerDuty: one module for each kind of object, and the table of all actions."""

from pagerduty_app.actions import create_incident, incident_lists, incidents, notes, on_call, update_incident
from pagerduty_app.actions.lookups import LOOKUPS

__all__ = ["ACTIONS", "LOOKUPS"]
ACTIONS = {
    action.key: action
    for action in (
        create_incident.ACTION,
        incidents.GET,
        update_incident.ACTION,
        notes.ACTION,
        incident_lists.INCIDENTS,
        incident_lists.SERVICES,
        on_call.SCHEDULES,
        on_call.GET_ON_CALL,
        on_call.ON_CALL,
        on_call.USERS,
        on_call.TEAMS,
    )
}
