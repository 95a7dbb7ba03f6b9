"""pagerduty/add-responders: one request asks each user once, also when responses are lost."""

from rest_framework import serializers

from pagerduty_app.actions import equal_calls, outcome
from pagerduty_app.actions.clocks import SKEW
from pagerduty_app.actions.fields import REFERENCE, Ids, from_field, incident_field
from pagerduty_app.actions.incidents.response import incident_state
from pagerduty_app.actions.lookups import POLICIES, USERS
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import as_provider_error, provider_errors
from pagerduty_app.errors.table import CHECKING_FOR_RESPONDERS, NO_RESPONDERS
from pagerduty_app.payloads import response_names
from pagerduty_app.payloads.effects import MOST_RESPONDERS, responder_subjects, text_proof
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared
from workflows.catalog.schemas import ActionInput, Text
from workflows.formatting.datetimes import moment

_TARGETS = {"user_ids": "user", "escalation_policy_ids": "escalation_policy"}
_MOST_TARGETS = 50


class AddRespondersInput(ActionInput):
    """Input of add-responders: at least one user or escalation policy."""

    incident_id = incident_field()
    message = Text(max_length=10_000, label="Message", help_text="Sent with the request", cut=True)
    user_ids = Ids(max_length=_MOST_TARGETS, label="Users", lookup=USERS)
    escalation_policy_ids = Ids(
        max_length=_MOST_TARGETS,
        label="Escalation policies",
        help_text="IDs, separated by commas: the last part of the URL in PagerDuty",
        lookup=POLICIES,
    )

    class Meta:
        keyword_fields = {"from": from_field()}
        at_least_one = tuple(_TARGETS)

    def validate(self, attrs: Json) -> Json:
        given = {name: list(dict.fromkeys(attrs[name])) for name in _TARGETS if name in attrs}
        if not given:
            raise serializers.ValidationError(
                {"user_ids": ["Provide at least one user or escalation policy."]}
            )
        return attrs | given


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read the incident before users are paged for it. Raise ProviderError."""
    with provider_errors():
        seen = incident_state.present(api, data["incident_id"])
    return Prepared(
        data, _output(None, incident_state.ALREADY_RESOLVED) if incident_state.is_resolved(seen) else None
    )


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Return {"responder_request": …}. Raise ProviderError; responders_not_in_plan where the ability is missing."""
    asker = requester_id(api, data, caller)
    with writing(data, caller):
        try:
            answer = api.request_responders(data["from"], data["incident_id"], _body(data, asker))
        except PagerDutyError as error:
            raise as_provider_error(error, NO_RESPONDERS if error.status == 402 else None) from None
        return _output(object_of(answer, "responder_request", needs=(), writes=True))


def _body(data: Json, asker: str) -> Json:
    """Return the request, with the wrapping of targets that the schema's example has."""
    targets = [
        {"responder_request_target": {"id": some_id, "type": f"{kind}_reference"}}
        for name, kind in _TARGETS.items()
        for some_id in data.get(name, ())
    ]
    return {"requester_id": asker, "message": data["message"], "responder_request_targets": targets}


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the request of an earlier attempt: same requester, message and targets, not another call's."""
    asker = requester_id(api, data, caller)
    with provider_errors():
        incident = incident_state.present(api, data["incident_id"])
    requests = incident.get("responder_requests")
    rows = [row for row in requests if isinstance(row, dict)] if isinstance(requests, list) else []
    ours = [row for row in rows if _may_be_ours(row, data, asker, caller)]
    found = equal_calls.unclaimed(ours, caller, "responder_request", CHECKING_FOR_RESPONDERS)
    return _output(found) if found else None


def _may_be_ours(request: Json, data: Json, asker: str, caller: Caller) -> bool:
    user, at = request.get("requester"), moment(request.get("requested_at"))
    if not isinstance(user, dict) or user.get("id") != asker or at is None:
        return False
    if str(request.get("message", "")).strip() != data["message"].strip():
        return False
    if _targets_of(request) != {some_id for name in _TARGETS for some_id in data.get(name, ())}:
        return False
    return caller.first_sent_at is None or at >= caller.first_sent_at - SKEW


def _targets_of(request: Json) -> set[str]:
    """Return the ids of users and escalation policies, wrapped as in the schema's example or not."""
    rows = request.get("responder_request_targets")
    rows = rows if isinstance(rows, list) else []
    found = [row.get("responder_request_target", row) for row in rows if isinstance(row, dict)]
    return {str(target.get("id")) for target in found if isinstance(target, dict)}


def _output(request: Json | None, reason: str | None = None) -> Json:
    return {"responder_request": request, "changed": reason is None, "reason": reason}


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the events that will report the responders, one for each; a policy can stand for several users."""
    users, policies = (len(data.get(name, ())) for name in _TARGETS)
    count = MOST_RESPONDERS if policies else min(users, MOST_RESPONDERS)
    agent, proof = requester_id(api, data, caller), text_proof(data["message"])
    return [
        Effect(subject, "incident.responder.added", agent, proof)
        for subject in responder_subjects(data["incident_id"])[:count]
    ]


ACTION = ActionType(
    key="pagerduty/add-responders",
    name="Add responders",
    description="Asks users, or those on call for escalation policies, to help with an open incident.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=AddRespondersInput,
    output_schema=outcome.schema(
        {
            "responder_request": {
                "type": ["object", "null"],
                "properties": {
                    "message": {"type": "string"},
                    "requested_at": {"type": "string", "format": "date-time"},
                    "requester": REFERENCE,
                    "incident": REFERENCE,
                },
            }
        },
        incident_state.RESOLVED,
    ),
    field_names=response_names.OF_RESPONDER_REQUEST,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "user_ids": ["PUSER01"],
        "message": "Please help with the queue",
    },
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
