"""pagerduty/list-past-incidents: similar incidents of the service; only in some plans of PagerDuty (api-schema)."""

from rest_framework import serializers

from pagerduty_app.actions.fields import incident_field, one
from pagerduty_app.client import Api
from pagerduty_app.client.paging import no_rows
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput

_DEFAULT, _MOST = 5, 999
_PAST = {
    "type": "object",
    "properties": {
        "incident": {
            "type": "object",
            "properties": {
                "title": {"type": ["string", "null"]},
                "created_at": {"type": ["string", "null"], "format": "date-time"},
                "id": {"type": "string"},
            },
            "required": ["id"],
        },
        "score": {"type": ["number", "null"]},
    },
    "required": ["incident"],
}


class ListPastIncidentsInput(ActionInput):
    """Input of list-past-incidents: PagerDuty does not page them, `limit` is how many it looks for."""

    incident_id = incident_field()
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=_MOST,
        label="Limit",
        help_text=f"How many incidents, at most {_MOST}; default: {_DEFAULT}",
    )


def perform(api: Api, data: Json, caller: Caller) -> Json:
    limit = data.get("limit", _DEFAULT)
    with provider_errors():
        answer = api.page("past_incidents", {"limit": limit}, data["incident_id"])
        rows = answer.get("past_incidents")
        if not isinstance(rows, list):
            raise no_rows("past_incidents")
    return {"past_incidents": rows}


ACTION = ActionType(
    key="pagerduty/list-past-incidents",
    name="List past incidents",
    description="Lists similar incidents of the last six months on the same service. Not in every PagerDuty plan.",
    scope="incidents.read",
    writes=False,
    input=ListPastIncidentsInput,
    output_schema=one("past_incidents", {"type": "array", "items": _PAST}),
    field_names=field_names.of_items(
        "past_incidents",
        "past incident",
        {
            "incident.id": "ID",
            "incident.title": "title",
            "incident.created_at": "created at",
            "score": "similarity",
        },
    ),
    sample_input={"incident_id": "PABC123"},
    perform=perform,
)
