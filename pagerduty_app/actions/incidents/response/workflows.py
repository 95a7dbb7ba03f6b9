"""pagerduty/start-incident-workflow: sent once and never again, because PagerDuty does not list starts.

Without a look at the incident: a workflow can be meant for a resolved one, such as a review.
"""

from typing import NoReturn

from pagerduty_app.actions.fields import REFERENCE, Id, from_field, incident_field, one
from pagerduty_app.actions.lookups import WORKFLOWS
from pagerduty_app.actions.requester import check_requester, writing
from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.table import UNCONFIRMED_WORKFLOW
from pagerduty_app.payloads import response_names
from pagerduty_app.payloads.effects import WORKFLOW_EVENTS, text_proof
from workflows.catalog import ActionType, Caller, Effect, Json, ProviderError
from workflows.catalog.schemas import ActionInput


class StartIncidentWorkflowInput(ActionInput):
    incident_id = incident_field()
    incident_workflow_id = Id(
        label="Incident workflow", help_text="ID: the last part of its URL in PagerDuty", lookup=WORKFLOWS
    )

    class Meta:
        keyword_fields = {"from": from_field(unsent="the start")}


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Start the workflow. `from` is checked, but not sent: the operation has no From header in PagerDuty's schema."""
    with writing(data, caller):
        answer = api.start_incident_workflow(data["incident_workflow_id"], data["incident_id"])
        name = "incident_workflow_instance"
        return {name: object_of(answer, name, needs=("id",), writes=True)}


def recover(api: Api, data: Json, caller: Caller) -> NoReturn:
    """Raise ProviderError: no request lists what was started, nor does the log, so a repeat might start it twice.

    Source: api-schema, LogEntry.type and the paths under /incident_workflows.
    """
    raise ProviderError(
        UNCONFIRMED_WORKFLOW.name,
        "PagerDuty’s response was lost, and PagerDuty does not list started incident workflows. The request was not "
        "sent again, because the workflow may have been started.",
        outcome_unknown=True,
    )


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the events that will report the workflow; as whose start is not documented."""
    subject, proof = f"incident:{data['incident_id']}", text_proof(data["incident_workflow_id"])
    return [Effect(subject, kind, proof=proof) for kind in WORKFLOW_EVENTS]


ACTION = ActionType(
    key="pagerduty/start-incident-workflow",
    name="Start incident workflow",
    description="Starts an incident workflow of PagerDuty on an incident.",
    scope="incident_workflows:instances.write users.read",
    writes=True,
    input=StartIncidentWorkflowInput,
    output_schema=one(
        "incident_workflow_instance",
        {
            "type": "object",
            "properties": {"id": {"type": "string"}, "incident": REFERENCE},
            "required": ["id"],
        },
    ),
    field_names=response_names.OF_WORKFLOW_INSTANCE,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "incident_workflow_id": "PFLOW01",
    },
    perform=perform,
    check=check_requester,
    recover=recover,
    effects=effects,
)
