"""Request responders for an incident (api-schema, createIncidentResponderRequest)."""

import secrets
from typing import Any

from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.world.incidents import Incidents, now_text
from pagerduty_app.sandbox.world.response.fields import Place
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]
_KINDS = {"user_reference": "user", "escalation_policy_reference": "escalation_policy"}


def request(incidents: Incidents, place: Place, incident_id: str, body: Json) -> Json:
    """Add responders; return the responder request. Raise Refused."""
    requester = _requester(place, body.get("requester_id"))
    message, targets = body.get("message"), body.get("responder_request_targets")
    if not isinstance(message, str) or not message.strip():
        raise invalid("Message can't be blank.")
    if not isinstance(targets, list) or not targets:
        raise invalid("Responder request targets can't be empty.")
    found = [_target(place, target) for target in targets]
    with incidents.transaction():
        incident = incidents.get(place.account, incident_id)
        common: Json = {
            "incident": reference_to(incident),
            "requester": reference_to(requester),
            "requested_at": now_text(),
            "message": message,
        }
        rows = [(user, policy, _responder(common, user, policy)) for user, policy in _people(found)]
        made = {
            "id": f"P{secrets.token_hex(6).upper()}",
            **common,
            "responder_request_targets": [
                {"responder_request_target": {"type": kind, "id": row["id"], "summary": row["summary"]}}
                for kind, row in found
            ],
        }
        incident["responder_requests"] = [*incident.get("responder_requests", []), made]
        added = [responder for _, _, responder in rows]
        incident["incidents_responders"] = [*incident.get("incidents_responders", []), *added]
        incidents.save(incident)
    for user, policy, _ in rows:
        part = {
            "user": user,
            "escalation_policy": reference_to(policy) if policy else None,
            "message": message,
            "state": "pending",
            "type": "incident_responder",
        }
        incidents.tell_part("incident.responder.added", place.account, incident, requester, part)
    return made


def _requester(place: Place, some_id: Any) -> Json:
    for user in place.store.all("user", place.account):
        if user["id"] == some_id:
            return user
    raise Refused(400, 1008, "Requester User Not Found")


def _target(place: Place, target: Any) -> tuple[str, Json]:
    """Return the kind and the user or escalation policy. The name in between is that of the schema's example."""
    named = target.get("responder_request_target") if isinstance(target, dict) else None
    named = named if isinstance(named, dict) else {}
    kind = _KINDS.get(str(named.get("type")))
    if kind is None:
        raise invalid("A target must be a user or an escalation policy.")
    return kind, place.one(kind, named.get("id"))


def _people(targets: list[tuple[str, Json]]) -> list[tuple[Json, Json | None]]:
    """Return each user who is asked, with the escalation policy through which."""
    return [
        (user, None if kind == "user" else row)
        for kind, row in targets
        for user in ([reference_to(row)] if kind == "user" else row["escalation_rules"][0]["targets"])
    ]


def _responder(common: Json, user: Json, policy: Json | None) -> Json:
    through = [policy["name"]] if policy else []
    more = {"updated_at": common["requested_at"], "escalation_policy_requests": through}
    return {"state": "pending", "user": user, **common, **more}
