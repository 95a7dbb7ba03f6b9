"""pagerduty/snooze-incident: a resolved incident is left as it is, and no snooze is sent twice."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from pagerduty_app.actions import outcome
from pagerduty_app.actions.fields import INCIDENT, from_field, incident_field
from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.actions.incidents.response import incident_state
from pagerduty_app.actions.requester import check_requester, requester_id, writing
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import response_names
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared
from workflows.catalog.schemas import ActionInput
from workflows.formatting.datetimes import moment

# PagerDuty takes 604,800 seconds (api-schema, createIncidentSnooze).
_LONGEST_MINUTES = 7 * 24 * 60
# PagerDuty's log entry and the end of the snooze are not counted from the same moment.
_ABOUT = timedelta(seconds=60)
_KIND = "snooze_log_entry"


class SnoozeIncidentInput(ActionInput):
    incident_id = incident_field()
    duration_minutes = serializers.IntegerField(
        min_value=1,
        max_value=_LONGEST_MINUTES,
        label="Duration in minutes",
        help_text="1 to 10,080, which is a week; then the incident is triggered again",
    )

    class Meta:
        keyword_fields = {"from": from_field()}


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read the incident before anything is sent. Raise ProviderError."""
    with provider_errors():
        seen = incident_state.present(api, data["incident_id"])
        if incident_state.is_resolved(seen):
            return Prepared(data, _output(seen, incident_state.ALREADY_RESOLVED))
        before = log_entries.baseline(api, data["incident_id"], caller, _KIND)
    return Prepared(data, baseline=before)


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with writing(data, caller):
        try:
            answer = api.snooze_incident(data["from"], data["incident_id"], data["duration_minutes"] * 60)
        except PagerDutyError as error:
            if not incident_state.says_resolved(error):
                raise
            return _output(incident_state.present(api, data["incident_id"]), incident_state.ALREADY_RESOLVED)
        return _output(object_of(answer, "incident", needs=("id", "status"), writes=True))


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the result of an earlier attempt, if the log has a snooze of that length by that user since."""
    agent = requester_id(api, data, caller)
    with provider_errors():
        entries = log_entries.since_first_sent(api, data["incident_id"], caller)
        ours = log_entries.by(agent, log_entries.new(entries, caller), _KIND)
        if not any(_has_length(entry, data["duration_minutes"]) for entry in ours):
            return None
        return _output(incident_state.present(api, data["incident_id"]))


def _has_length(entry: Json, minutes: int) -> bool:
    """Return whether the snooze is that long; True if the entry does not tell."""
    ends, began = _end_of(entry.get("changed_actions")), moment(entry.get("created_at"))
    return ends is None or began is None or abs(ends - began - timedelta(minutes=minutes)) <= _ABOUT


def _end_of(actions: Any) -> Any:
    """Return the time of the first return to triggered; None without one. Accepts any value."""
    rows = actions if isinstance(actions, list) else []
    ends = (row.get("at") for row in rows if isinstance(row, dict) and row.get("type") == "unacknowledge")
    return moment(next(ends, None))


def _output(incident: Json, reason: str | None = None) -> Json:
    until = None if reason else _end_of(incident.get("pending_actions"))
    return {
        "incident": incident,
        "snoozed_until": until.isoformat().replace("+00:00", "Z") if until else None,
        "changed": reason is None,
        "reason": reason,
    }


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the events that will report the snooze of a triggered incident, which acknowledges it."""
    agent, subject = requester_id(api, data, caller), f"incident:{data['incident_id']}"
    return [Effect(subject, kind, agent) for kind in ("incident.acknowledged", "incident.reassigned")]


ACTION = ActionType(
    key="pagerduty/snooze-incident",
    name="Snooze incident",
    description="Acknowledges an open incident until a time, then it is triggered again.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=SnoozeIncidentInput,
    output_schema=outcome.schema(
        {
            "incident": INCIDENT,
            "snoozed_until": {"type": ["string", "null"], "format": "date-time", "title": "Snoozed until"},
        },
        incident_state.RESOLVED,
    ),
    field_names=response_names.OF_SNOOZE,
    sample_input={"from": "dana@acme.example", "incident_id": "PABC123", "duration_minutes": 60},
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
