"""The actions on PagerDuty: one module for each kind of object, and the table of all actions."""

from pagerduty_app.actions import get_on_call, on_call, on_call_gaps, services
from pagerduty_app.actions.incidents import create, get, lists, notes
from pagerduty_app.actions.incidents.reads import alerts, log, past
from pagerduty_app.actions.incidents.reads import notes as notes_of_incident
from pagerduty_app.actions.incidents.response import (
    custom_fields,
    merge,
    responders,
    snooze,
    status_updates,
    workflows,
)
from pagerduty_app.actions.incidents.update import action as update
from pagerduty_app.actions.lookups import LOOKUPS
from pagerduty_app.actions.maintenance_windows import action as maintenance_windows
from pagerduty_app.actions.overrides import action as create_override

__all__ = ["ACTIONS", "LOOKUPS"]
ACTIONS = {
    action.key: action
    for action in (
        create.ACTION,
        get.GET,
        update.ACTION,
        notes.ACTION,
        snooze.ACTION,
        merge.ACTION,
        responders.ACTION,
        status_updates.ACTION,
        custom_fields.ACTION,
        workflows.ACTION,
        create_override.ACTION,
        maintenance_windows.ACTION,
        lists.INCIDENTS,
        alerts.ACTION,
        notes_of_incident.ACTION,
        log.ACTION,
        past.ACTION,
        lists.SERVICES,
        services.GET,
        on_call.SCHEDULES,
        get_on_call.ACTION,
        on_call.ON_CALL,
        on_call_gaps.ACTION,
        on_call.USERS,
        on_call.TEAMS,
    )
}
