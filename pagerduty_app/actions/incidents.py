"""pagerduty/get-incident and pagerduty/update-incident."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions import effects
from pagerduty_app.actions.asking import check_requester, provider_errors, writing
from pagerduty_app.actions.fields import INCIDENT, STATUSES, URGENCIES, from_field, incident_field, one
from pagerduty_app.client import Api
from workflows.catalog import ActionType, Caller, Json
from workflows.inputs import ActionInput, Text

_CHANGES = ("status", "title", "urgency", "resolution")
# What an incident may show after an update to that status: never take back what somebody did meanwhile.
_REACHED = {
    "acknowledged": {"acknowledged", "resolved"},
    "resolved": {"resolved"},
    "triggered": {"triggered"},
}


class GetIncidentInput(ActionInput):
    incident_id = incident_field()


class UpdateIncidentInput(ActionInput):
    """At least one change."""

    incident_id = incident_field()
    status = serializers.ChoiceField(
        choices=STATUSES,
        required=False,
        label="Status",
        help_text="Acknowledging in somebody’s name can reassign the incident to them",
    )
    title = Text(max_length=1024, required=False, label="Title")
    urgency = serializers.ChoiceField(choices=URGENCIES, required=False, label="Urgency")
    resolution = Text(max_length=25_000, required=False, label="Resolution")

    class Meta:
        keyword_fields = {"from": from_field()}
        at_least_one = _CHANGES

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(name in attrs for name in _CHANGES):
            raise serializers.ValidationError({"status": [f"Give at least one of {', '.join(_CHANGES)}."]})
        if "resolution" in attrs and attrs.get("status") != "resolved":
            raise serializers.ValidationError({"resolution": ["Goes with the status resolved only."]})
        return attrs


def get(api: Api, data: Json, caller: Caller) -> Json:
    with provider_errors():
        return api.get_incident(data["incident_id"])


def update(api: Api, data: Json, caller: Caller) -> Json:
    changes = {name: data[name] for name in _CHANGES if name in data}
    with writing(data, caller):
        return api.update_incident(data["from"], data["incident_id"], {"type": "incident", **changes})


def recover_update(api: Api, data: Json, caller: Caller) -> Json | None:
    """The incident, if it already shows every change that was asked for."""
    with provider_errors():
        answer = api.get_incident(data["incident_id"])
    incident = answer.get("incident", {})
    status = data.get("status")
    if status and incident.get("status") not in _REACHED[status]:
        return None
    shows = all(incident.get(name) == data[name] for name in ("title", "urgency") if name in data)
    return answer if shows else None


GET = ActionType(
    key="pagerduty/get-incident",
    name="Get incident",
    description="Reads one incident.",
    scope="incidents.read",
    writes=False,
    input=GetIncidentInput,
    output_schema=one("incident", INCIDENT),
    sample_input={"incident_id": "PABC123"},
    perform=get,
)
UPDATE = ActionType(
    key="pagerduty/update-incident",
    name="Update incident",
    description="Acknowledges, resolves, or changes title or urgency of an incident.",
    scope="incidents.write",
    writes=True,
    input=UpdateIncidentInput,
    output_schema=one("incident", INCIDENT),
    sample_input={"from": "dana@acme.example", "incident_id": "PABC123", "status": "acknowledged"},
    perform=update,
    check=check_requester,
    recover=recover_update,
    effects=effects.of_updated,
)
