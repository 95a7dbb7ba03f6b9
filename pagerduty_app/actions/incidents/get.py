"""pagerduty/get-incident."""

from pagerduty_app.actions.fields import INCIDENT, incident_field, one
from pagerduty_app.client import Api
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput


class GetIncidentInput(ActionInput):
    incident_id = incident_field()


def get(api: Api, data: Json, caller: Caller) -> Json:
    with provider_errors():
        return api.get_incident(data["incident_id"])


GET = ActionType(
    key="pagerduty/get-incident",
    name="Get incident",
    description="Retrieves an incident.",
    scope="incidents.read",
    writes=False,
    input=GetIncidentInput,
    output_schema=one("incident", INCIDENT),
    field_names=field_names.of_answered_incident("incident"),
    sample_input={"incident_id": "PABC123"},
    perform=get,
)
