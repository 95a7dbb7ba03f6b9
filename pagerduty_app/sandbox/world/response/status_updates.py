"""Publish status updates of an incident (api-schema, createIncidentStatusUpdate)."""

import secrets
from typing import Any

from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.incidents import Incidents, now_text
from pagerduty_app.sandbox.world.response.fields import Place
from pagerduty_app.sandbox.world.start import reference_to

Json = dict[str, Any]
_OF_EMAIL = ("subject", "html_message")


def publish(incidents: Incidents, place: Place, user: Json, incident_id: str, body: Json) -> Json:
    """Publish a status update and return it; no request of PagerDuty's lists them. Raise Refused."""
    incident = incidents.get(place.account, incident_id)
    message = body.get("message")
    if not isinstance(message, str) or not message.strip():
        raise invalid("Message can't be blank.")
    email = {name: body[name] for name in _OF_EMAIL if name in body}
    if email and len(email) < len(_OF_EMAIL):
        raise invalid("A custom email needs a subject and an HTML message.")
    made: Json = {
        "id": f"P{secrets.token_hex(6).upper()}",
        "message": message,
        "created_at": now_text(),
        "sender": reference_to(user),
        **email,
    }
    place.store.put("status_update", made["id"], made, incident_id)
    part = {"id": made["id"], "message": message, "trimmed": False, "type": "incident_status_update"}
    incidents.tell_part("incident.status_update_published", place.account, incident, user, part)
    return made
