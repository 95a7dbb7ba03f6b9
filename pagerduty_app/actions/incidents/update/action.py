"""pagerduty/update-incident: read the incident first, and reopen a resolved one only if requested."""

from datetime import timedelta

from django.conf import settings

from connections.grants.request_budget import Exhausted
from pagerduty_app.actions.fields import INCIDENT
from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.actions.incidents.update import changes, recovery
from pagerduty_app.actions.incidents.update.changes import Decision, decide, output
from pagerduty_app.actions.incidents.update.fields import ONLY_OPEN, body_of
from pagerduty_app.actions.incidents.update.input import UpdateIncidentInput
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors import table
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import field_names
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared, ProviderError
from workflows.formatting.datetimes import moment

# Key under which the incident read before the write is kept beside the input.
_SEEN = "_seen"
_SOMEBODY_WAS_FASTER = frozenset({"incident_already_resolved", "incident_already_acknowledged"})


def _present(api: Api, data: Json) -> Json:
    """Return the incident as it is now. Raise PagerDutyError."""
    more = {"include": ["conference_bridge"]} if "conference_bridge" in data else {}
    return object_of(api.get_incident(data["incident_id"], more), "incident", needs=("id", "status"))


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read the incident before anything is sent. Raise ProviderError."""
    with provider_errors():
        seen = _present(api, data)
        decision = decide(data, seen)
        if not decision.send:
            return Prepared(data, output(seen, [], decision.reason))
        before = recovery.baseline(api, data, caller)
    return Prepared(data | {_SEEN: seen}, baseline=before)


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with writing(data, caller):
        decision = decide(data, data[_SEEN])
        try:
            return _write(api, data, decision, caller)
        except PagerDutyError as error:
            known = table.find(error.code, error.status).name
            if known not in _SOMEBODY_WAS_FASTER or not decision.needs_open:
                raise
            seen = _present(api, data)
            decision = decide(data, seen)
            if decision.needs_open:
                raise  # it refuses what the incident's state requires
        return _write(api, data | {_SEEN: seen}, decision, caller)


def _write(api: Api, data: Json, decision: Decision, caller: Caller) -> Json:
    """Write the decided fields. Raise PagerDutyError."""
    if not decision.send:
        return output(data[_SEEN], [], decision.reason)
    answer = api.update_incident(data["from"], data["incident_id"], body_of(decision.send, data[_SEEN]))
    incident = object_of(answer, "incident", needs=("id", "status"), writes=True)
    reopened = decision.reopens or _reopened_by_accident(api, data, decision, caller)
    reason = "resolved_meanwhile" if reopened and not decision.reopens else decision.reason
    return output(incident, list(decision.send), reason, reopened=reopened)


def _reopened_by_accident(api: Api, data: Json, decision: Decision, caller: Caller) -> bool | None:
    """Return whether the incident was resolved between read and write, as the log shows; None if it does not.

    The write has taken effect, so a failure here is not an error.
    """
    status = decision.send.get("status")
    if status not in ("triggered", "acknowledged"):
        return False
    try:
        since = moment(data[_SEEN].get("last_status_change_at"))
        entries = log_entries.newest(api, data["incident_id"], since)
        statuses = list(log_entries.statuses_in(entries))
        ours = log_entries.change_by(statuses, requester_id(api, data, caller), status)
    except (PagerDutyError, ProviderError, Exhausted):
        return None
    return log_entries.reopened(ours)


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the result of an earlier attempt, if PagerDuty shows that it took effect."""
    with provider_errors():
        incident = _present(api, data)
        return recovery.find(api, data, incident, requester_id(api, data, caller), caller)


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the events that will report the update."""
    kinds = decide(data, data[_SEEN]).event_types
    agent = requester_id(api, data, caller) if kinds else ""
    return [Effect(f"incident:{data['incident_id']}", kind, agent) for kind in kinds]


def settles_in(data: Json) -> timedelta:
    """Return how long a repeat waits: a second escalation or assignment notifies again, a second status does not."""
    notifies = not ONLY_OPEN.isdisjoint(data)
    return timedelta(seconds=settings.PAGERDUTY_SETTLE_SECONDS if notifies else 0)


ACTION = ActionType(
    key="pagerduty/update-incident",
    name="Update incident",
    description="Acknowledges, resolves or reopens an incident, escalates or reassigns it, or edits its fields.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=UpdateIncidentInput,
    output_schema={
        "type": "object",
        "properties": {"incident": INCIDENT, **changes.SCHEMA},
        "required": ["incident", *changes.SCHEMA],
        "additionalProperties": False,
    },
    field_names=field_names.OF_UPDATE,
    sample_input={"from": "dana@acme.example", "incident_id": "PABC123", "status": "acknowledged"},
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=settles_in,
)
