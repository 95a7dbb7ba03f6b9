"""The webhook events that a write will cause, recorded before it is sent (developer docs, webhooks v3)."""

from pagerduty_app.actions.asking import requester
from pagerduty_app.client import Api
from pagerduty_app.payloads.effects import key_subject, text_proof
from workflows.catalog import Caller, Effect, Json

# Event types that an update to a status may cause. Acknowledging in a user's name may also reassign, and it reopens
# an incident that was resolved just before.
_TOLD_AS = {
    "acknowledged": ["incident.acknowledged", "incident.reassigned", "incident.reopened"],
    "resolved": ["incident.resolved"],
    "triggered": ["incident.unacknowledged", "incident.reopened"],
}


def _agent(api: Api, data: Json, caller: Caller) -> str:
    """Return the id of the user named in `from`; `check` has just cached it."""
    return str((requester(api, data["from"], caller) or {}).get("id") or "")


def of_created(key: str, api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the effects of a creation, identified by key, since the incident has no id yet."""
    return [Effect(key_subject(key), "incident.triggered", _agent(api, data, caller))]


def of_updated(status: str, api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the effects of an update. status: the one that is written; "" for none."""
    kinds = _TOLD_AS.get(status, [])
    agent = _agent(api, data, caller) if kinds else ""
    return [Effect(f"incident:{data['incident_id']}", kind, agent) for kind in kinds]


def of_note(api: Api, data: Json, caller: Caller) -> list[Effect]:
    subject, agent = f"incident:{data['incident_id']}", _agent(api, data, caller)
    return [Effect(subject, "incident.annotated", agent, text_proof(data["content"]))]
