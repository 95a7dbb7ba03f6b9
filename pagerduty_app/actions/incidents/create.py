"""pagerduty/create-incident: one request creates one incident, also when responses are lost."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.clocks import SKEW
from pagerduty_app.actions.fields import (
    INCIDENT,
    LONGEST_TITLE,
    STATUSES,
    URGENCIES,
    Id,
    Ids,
    from_field,
    one,
)
from pagerduty_app.actions.lookups import POLICIES, PRIORITY_IDS, SERVICES, USERS
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import rows_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.effects import key_subject
from workflows.catalog import ActionType, Caller, Effect, Json, ProviderError
from workflows.catalog.schemas import ActionInput, Text
from workflows.formatting.datetimes import moment

_INVALID_INPUT = frozenset({"2001", "2002", None})


class CreateIncidentInput(ActionInput):
    """The input of PagerDuty's create-incident, flattened."""

    service_id = Id(label="Service", help_text="PagerDuty service", lookup=SERVICES)
    title = Text(max_length=LONGEST_TITLE, label="Title", cut=True)
    urgency = serializers.ChoiceField(choices=URGENCIES, required=False, label="Urgency")
    details = Text(max_length=60_000, required=False, allow_blank=True, label="Details", cut=True)
    incident_key = Text(
        max_length=255,
        required=False,
        label="Incident key",
        help_text="Deduplication key: while an incident with this key is open on the service, no second one is "
        "created",
    )
    priority_id = Id(
        required=False,
        label="Priority",
        help_text="ID of one of the account’s priorities",
        lookup=PRIORITY_IDS,
    )
    escalation_policy_id = Id(
        required=False,
        label="Escalation policy",
        help_text="The last part of its URL in PagerDuty",
        lookup=POLICIES,
    )
    assignee_ids = Ids(label="Assignees", lookup=USERS)

    class Meta:
        keyword_fields = {"from": from_field()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "assignee_ids" in attrs and "escalation_policy_id" in attrs:
            raise serializers.ValidationError(
                {"assignee_ids": ["Either assignees or an escalation policy, not both."]}
            )
        return attrs


def _key(data: Json, caller: Caller) -> str:
    """Return the caller's incident key, or one derived from the request, the same on each attempt."""
    key: str = data.get("incident_key") or f"taskjuice-{caller.key}"
    return key


def _reference(kind: str, some_id: str) -> Json:
    return {"id": some_id, "type": f"{kind}_reference"}


def _body(data: Json, caller: Caller) -> Json:
    body: Json = {
        "type": "incident",
        "title": data["title"],
        "service": _reference("service", data["service_id"]),
        "incident_key": _key(data, caller),
    }
    if "urgency" in data:
        body["urgency"] = data["urgency"]
    if data.get("details"):
        body["body"] = {"type": "incident_body", "details": data["details"]}
    for name in ("priority", "escalation_policy"):
        if f"{name}_id" in data:
            body[name] = _reference(name, data[f"{name}_id"])
    if "assignee_ids" in data:
        body["assignments"] = [{"assignee": _reference("user", some_id)} for some_id in data["assignee_ids"]]
    return body


def _find(api: Api, data: Json, caller: Caller, statuses: list[str]) -> Json | None:
    """Return the newest incident of the service with this request's key."""
    wanted = {
        "incident_key": _key(data, caller),
        "service_ids": [data["service_id"]],
        "statuses": statuses,
        "date_range": "all",
        "sort_by": "created_at:desc",
        "limit": 100,
    }
    found = rows_of(api.page("incidents", wanted), "incidents")
    of_service = [row for row in found if _service_of(row) == data["service_id"]]
    return max(of_service, key=lambda row: str(row.get("created_at")), default=None)


def _service_of(incident: Any) -> Any:
    service = incident.get("service") if isinstance(incident, dict) else None
    return service.get("id") if isinstance(service, dict) else None


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Return {"incident": …}. Raise ProviderError; incident_key_in_use names the open incident with the key."""
    with writing(data, caller):
        try:
            return api.create_incident(data["from"], _body(data, caller))
        except PagerDutyError as error:
            if error.status != 400 or error.code not in _INVALID_INPUT:
                raise
            holder = _find(api, data, caller, ["triggered", "acknowledged"])
            if holder is None:
                raise
    if "incident_key" not in data or (caller.sent_before and _made_since(holder, caller)):
        return {"incident": holder}
    raise ProviderError(
        "incident_key_in_use",
        f"Incident {holder['id']} is open with this incident key.",
        status=400,
        detail={"incident_id": holder["id"]},
    )


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the incident that an earlier attempt created, in its present state."""
    with provider_errors():
        incident = _find(api, data, caller, STATUSES)
    if incident is None or (
        # An older incident may have the same key if the caller chose it.
        "incident_key" in data and not _made_since(incident, caller)
    ):
        return None
    return {"incident": incident}


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event that will report the incident, by its key: it has no id yet."""
    return [Effect(key_subject(_key(data, caller)), "incident.triggered", requester_id(api, data, caller))]


def _made_since(incident: Json, caller: Caller) -> bool:
    created_at = moment(incident.get("created_at"))
    if created_at is None:
        raise ProviderError(
            "provider_error",
            "PagerDuty's answer does not say when the incident was created.",
            status=200,
            retryable=True,
        )
    return caller.first_sent_at is None or bool(created_at > caller.first_sent_at - SKEW)


ACTION = ActionType(
    key="pagerduty/create-incident",
    name="Create incident",
    description="Creates an incident.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=CreateIncidentInput,
    output_schema=one("incident", INCIDENT),
    field_names=field_names.of_answered_incident("incident"),
    sample_input={"from": "dana@acme.example", "service_id": "PSVC001", "title": "Checkout answers slowly"},
    perform=perform,
    check=check_requester,
    recover=recover,
    effects=effects,
)
