"""The state of an incident as it is now, which decides whether anything is left to write."""

from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors import table
from workflows.catalog import Json

ALREADY_RESOLVED = "already_resolved"
RESOLVED = {ALREADY_RESOLVED: "The incident is already resolved."}


def present(api: Api, incident_id: str) -> Json:
    """Return the incident as it is now. Raise PagerDutyError."""
    return object_of(api.get_incident(incident_id), "incident", needs=("id", "status"))


def is_resolved(incident: Json) -> bool:
    return bool(incident["status"] == "resolved")


def says_resolved(error: PagerDutyError) -> bool:
    """Return whether PagerDuty refused because the incident is resolved."""
    return table.find(error.code, error.status).name == "incident_already_resolved"
