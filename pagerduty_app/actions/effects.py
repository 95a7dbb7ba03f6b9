"""What PagerDuty will tell of a write in webhooks, written down before it is sent (developer docs, webhooks v3)."""

from pagerduty_app.actions.asking import requester
from pagerduty_app.client import Api
from pagerduty_app.echoes import key_subject, text_proof
from workflows.catalog import Caller, Effect, Json

# An update to that status is told of as one of these. Acknowledging in somebody's name may also reassign, and an
# incident that was resolved the moment before is reopened by it.
_TOLD_AS = {
    "acknowledged": ["incident.acknowledged", "incident.reassigned", "incident.reopened"],
    "resolved": ["incident.resolved"],
    "triggered": ["incident.unacknowledged", "incident.reopened"],
}


def _agent(api: Api, data: Json, caller: Caller) -> str:
    """The id of the user named in `from`; `check` has just looked it up."""
    return str((requester(api, data["from"], caller) or {}).get("id") or "")


def of_created(key: str, api: Api, data: Json, caller: Caller) -> list[Effect]:
    """The incident has no id yet; its key is known before it is made."""
    return [Effect(key_subject(key), "incident.triggered", _agent(api, data, caller))]


def of_updated(status: str, api: Api, data: Json, caller: Caller) -> list[Effect]:
    """status: the one that is written; "" for none."""
    kinds = _TOLD_AS.get(status, [])
    agent = _agent(api, data, caller) if kinds else ""
    return [Effect(f"incident:{data['incident_id']}", kind, agent) for kind in kinds]


def of_note(api: Api, data: Json, caller: Caller) -> list[Effect]:
    subject, agent = f"incident:{data['incident_id']}", _agent(api, data, caller)
    return [Effect(subject, "incident.annotated", agent, text_proof(data["content"]))]
