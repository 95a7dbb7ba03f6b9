"""pagerduty/merge-incidents: only incidents that are not merged into the target yet are sent."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions import outcome
from pagerduty_app.actions.fields import REFERENCE, Id, Ids, from_field
from pagerduty_app.actions.incidents.response import incident_state
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import response_names
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared
from workflows.catalog.schemas import ActionInput

# Each source is read before it is merged.
_MOST_SOURCES = 20
_LEFT = "_left"
_OPEN = "_open"
_REASONS = {
    incident_state.ALREADY_RESOLVED: "The target incident is already resolved.",
    "already_merged": "The source incidents are already merged into the target incident.",
}


class MergeIncidentsInput(ActionInput):
    incident_id = Id(label="Target incident ID", help_text="The incident that stays open")
    source_incident_ids = Ids(
        required=True,
        max_length=_MOST_SOURCES,
        label="Source incident IDs",
        help_text="These are resolved, and their alerts move to the target. At most 20, separated by commas",
    )

    class Meta:
        keyword_fields = {"from": from_field()}

    def validate(self, attrs: Json) -> Json:
        sources = list(dict.fromkeys(attrs["source_incident_ids"]))
        if attrs["incident_id"] in sources:
            raise serializers.ValidationError(
                {"source_incident_ids": ["The target incident cannot be one of the sources."]}
            )
        return attrs | {"source_incident_ids": sources}


def _unmerged(api: Api, data: Json) -> list[Json]:
    """Return the sources that are not merged into the target. Raise PagerDutyError."""
    sources = [incident_state.present(api, some_id) for some_id in data["source_incident_ids"]]
    return [source for source in sources if _merged_into(source) != data["incident_id"]]


def _merged_into(incident: Json) -> Any:
    """Return the id of the incident into which a resolved one was merged, else None."""
    reason = incident.get("resolve_reason")
    if not incident_state.is_resolved(incident) or not isinstance(reason, dict):
        return None
    target = reason.get("incident")
    return target.get("id") if isinstance(target, dict) else None


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read the target and the sources before anything is sent. Raise ProviderError."""
    with provider_errors():
        target = incident_state.present(api, data["incident_id"])
        left = [] if incident_state.is_resolved(target) else _unmerged(api, data)
    if incident_state.is_resolved(target):
        return Prepared(data, _output(_reference(target), [], incident_state.ALREADY_RESOLVED))
    if not left:
        return Prepared(data, _output(_reference(target), [], "already_merged"))
    are_open = [source["id"] for source in left if not incident_state.is_resolved(source)]
    return Prepared(data | {_LEFT: [source["id"] for source in left], _OPEN: are_open})


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with writing(data, caller):
        answer = api.merge_incidents(data["from"], data["incident_id"], data[_LEFT])
        return _output(object_of(answer, "incident", needs=("id",), writes=True), data[_LEFT])


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the result of an earlier attempt, if all sources are merged into the target; `prepare` finds the rest."""
    with provider_errors():
        if _unmerged(api, data):
            return None
        target = incident_state.present(api, data["incident_id"])
    return _output(_reference(target), data["source_incident_ids"])


def _reference(incident: Json) -> Json:
    names = ("id", "summary", "self", "html_url")
    return {name: incident[name] for name in names if name in incident} | {"type": "incident_reference"}


def _output(target: Json, merged: list[str], reason: str | None = None) -> Json:
    return {"incident": target, "merged": merged, "changed": reason is None, "reason": reason}


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the events that will report the sources' resolution."""
    agent = requester_id(api, data, caller)
    return [Effect(f"incident:{some_id}", "incident.resolved", agent) for some_id in data[_OPEN]]


ACTION = ActionType(
    key="pagerduty/merge-incidents",
    name="Merge incidents",
    description="Moves the alerts of incidents to another incident and resolves them.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=MergeIncidentsInput,
    output_schema=outcome.schema(
        {
            "incident": {**REFERENCE, "type": "object", "required": ["id"]},
            "merged": {"type": "array", "items": {"type": "string"}, "title": "Merged"},
        },
        _REASONS,
    ),
    field_names=response_names.OF_MERGE,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "source_incident_ids": ["PDEF456", "PGHI789"],
    },
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
