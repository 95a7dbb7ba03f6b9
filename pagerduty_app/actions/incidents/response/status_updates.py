"""pagerduty/publish-status-update: sent once and never again, because PagerDuty does not list status updates."""

from typing import Any, NoReturn

from rest_framework import serializers

from pagerduty_app.actions.fields import from_field, incident_field, one
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.table import UNCONFIRMED_STATUS_UPDATE
from pagerduty_app.payloads import response_names
from pagerduty_app.payloads.effects import text_proof
from workflows.catalog import ActionType, Caller, Effect, Json, ProviderError
from workflows.catalog.schemas import ActionInput, Text

_EMAIL = ("subject", "html_message")


class PublishStatusUpdateInput(ActionInput):
    """Input of publish-status-update. The email to subscribers has a subject and an HTML message, or neither."""

    incident_id = incident_field()
    message = Text(max_length=25_000, label="Message", help_text="For subscribers and stakeholders", cut=True)
    subject = Text(
        max_length=500, required=False, label="Email subject", help_text="With an HTML message", cut=True
    )
    html_message = Text(
        max_length=60_000,
        required=False,
        label="Email HTML",
        help_text="Replaces the email that PagerDuty sends",
    )

    class Meta:
        keyword_fields = {"from": from_field()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in _EMAIL if name not in attrs]
        if len(missing) == 1:
            raise serializers.ValidationError(
                {missing[0]: ["An email has both a subject and an HTML message."]}
            )
        return attrs


def perform(api: Api, data: Json, caller: Caller) -> Json:
    update = {name: data[name] for name in ("message", *_EMAIL) if name in data}
    with writing(data, caller):
        answer = api.publish_status_update(data["from"], data["incident_id"], update)
        return {"status_update": object_of(answer, "status_update", needs=(), writes=True)}


def recover(api: Api, data: Json, caller: Caller) -> NoReturn:
    """Raise ProviderError: no request lists status updates, nor does the log, so a repeat might be a second one.

    Source: api-schema, LogEntry.type and the paths under /incidents/{id}/status_updates.
    """
    raise ProviderError(
        UNCONFIRMED_STATUS_UPDATE.name,
        "PagerDuty’s response was lost, and PagerDuty does not list status updates. It was not sent again, because it "
        "may have been published.",
        outcome_unknown=True,
    )


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event that will report the status update."""
    subject, agent = f"incident:{data['incident_id']}", requester_id(api, data, caller)
    return [Effect(subject, "incident.status_update_published", agent, text_proof(data["message"]))]


ACTION = ActionType(
    key="pagerduty/publish-status-update",
    name="Publish status update",
    description="Publishes a status update to those who follow an incident.",
    scope="incidents.write users.read",
    writes=True,
    input=PublishStatusUpdateInput,
    output_schema=one(
        "status_update",
        {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "message": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
            },
        },
    ),
    field_names=response_names.OF_STATUS_UPDATE,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "message": "We have found the cause and are deploying a fix.",
    },
    perform=perform,
    check=check_requester,
    recover=recover,
    effects=effects,
)
