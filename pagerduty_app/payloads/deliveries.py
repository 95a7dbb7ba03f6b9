"""Parsing of deliveries of any content (PagerDuty developer docs, webhooks v3)."""

import hashlib
import json
from typing import Any

from pagerduty_app.payloads import deadline_events
from pagerduty_app.payloads.bodies import body_of, incident_in, service_in
from pagerduty_app.payloads.fields import EVENT
from pagerduty_app.payloads.on_call import schema as on_call
from workflows.catalog import Delivery
from workflows.formatting.datetimes import moment

Json = dict[str, Any]
_LONGEST_ID = 200
PING = "pagey.ping"
# What of a delivery has to be kept, and why.
_WHICH_INCIDENT = "says which incident it is about"
NEEDED = {
    "event.id": "says whether it came before",
    "event.event_type": "says what happened",
    "event.data.id": _WHICH_INCIDENT,
    "event.data.type": _WHICH_INCIDENT,
    "event.data.incident.id": _WHICH_INCIDENT,
    "event.data.incident_role_assignments.*.incident.id": _WHICH_INCIDENT,
    "event.data.schedule.id": "says which schedule it is about",
    "event.data.incident_key": "identifies the incidents that workflows open",
}


def read_delivery(body: bytes) -> Delivery:
    """Parse any signed bytes; never raises.

    event.id is the only signed identity. Without one the bytes themselves are: the same body again is the
    same event.
    """
    event = _event(_parsed(body))
    given = event.get("id")
    usable = isinstance(given, str) and 0 < len(given) <= _LONGEST_ID and given.isprintable()
    external_id = str(given) if usable else f"sha256:{hashlib.sha256(body).hexdigest()}"
    kind, data = event.get("event_type"), event.get("data")
    of_service = _id_of(service_in(data)) if body_of(data) else ""
    return Delivery(
        external_id=external_id,
        event_type=kind if isinstance(kind, str) else "",
        lane=_id_of(incident_in(data)) or on_call.schedule_id(data) or of_service or external_id,
        is_confirmation=kind == PING,
        change="" if kind == PING else _change(data),
        happened_at=moment(event.get("occurred_at")),
    )


def _id_of(thing: Json) -> str:
    some_id = thing.get("id")
    return some_id if isinstance(some_id, str) and 0 < len(some_id) <= _LONGEST_ID else ""


def _change(data: Any) -> str:
    """Return the ID of the changed thing, or a digest of a body without one: two webhooks report one change under
    different event IDs.
    """
    if not isinstance(data, dict):
        return ""
    try:
        return _id_of(data) or hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    except RecursionError:
        return ""


def trigger_fields(payload: Any) -> Json:
    """The fields that a workflow sees as `trigger`: `event`, and those of the body as payloads.bodies has them.

    A body that is not documented is seen as `incident`, empty where the delivery has none. Of an event of a schedule
    {"event": …} and what it says, without an incident. A passed deadline is beside its incident. Nothing that says
    something is left out.
    """
    event = _event(payload)
    data = event.get("data")
    # What is documented is there, if only as null, however old the delivery is.
    told = dict.fromkeys(EVENT["properties"]) | {name: it for name, it in event.items() if name != "data"}
    given: Json = data if isinstance(data, dict) else {}
    if on_call.is_one(given):
        return {"event": told, **on_call.fields(given)}
    body = body_of(given)
    fields = {"event": told, **(body.fields_of(given) if body else {"incident": given})}
    return deadline_events.lifted(fields) if deadline_events.deadline_of(event) else fields


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _event(payload: Any) -> Json:
    event = payload.get("event") if isinstance(payload, dict) else None
    return event if isinstance(event, dict) else {}
