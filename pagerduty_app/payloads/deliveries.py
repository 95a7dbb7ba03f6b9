"""How a delivery of any content is read (PagerDuty developer docs, webhooks v3)."""

import hashlib
import json
from typing import Any

from pagerduty_app.payloads import on_call_events
from pagerduty_app.payloads.fields import EVENT, NOTE
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
    "event.data.schedule.id": "says which schedule it is about",
    "event.data.incident_key": "identifies the incidents that workflows open",
}


def read_delivery(body: bytes) -> Delivery:
    """What can be said of any signed bytes; never raises.

    event.id is the only signed identity. Without one the bytes themselves are: the same body again is the
    same event.
    """
    event = _event(_parsed(body))
    given = event.get("id")
    usable = isinstance(given, str) and 0 < len(given) <= _LONGEST_ID and given.isprintable()
    external_id = str(given) if usable else f"sha256:{hashlib.sha256(body).hexdigest()}"
    kind = event.get("event_type")
    return Delivery(
        external_id=external_id,
        event_type=kind if isinstance(kind, str) else "",
        lane=_incident_id(event) or on_call_events.schedule_id(event.get("data")) or external_id,
        is_confirmation=kind == PING,
        change=_change(event),
        happened_at=moment(event.get("occurred_at")),
    )


def _change(event: Json) -> str:
    """What it is about: an incident, a note. Two webhooks tell of the same under different event ids."""
    data = event.get("data")
    some_id = data.get("id") if isinstance(data, dict) else None
    told = isinstance(some_id, str) and 0 < len(some_id) <= _LONGEST_ID and event.get("event_type") != PING
    return str(some_id) if told else ""


def trigger_fields(payload: Any) -> Json:
    """What a workflow sees as `trigger`: {"event": …, "incident": …}, empty where the delivery has nothing.

    For a note also {"note": …}; the incident is then the reference to the one it was added to. Of a hand-over of a
    schedule {"event": …} and what it says, without an incident. Nothing that was delivered is left out.
    """
    event = _event(payload)
    data = event.get("data")
    incident: Json = data if isinstance(data, dict) else {}
    # What is documented is there, if only as null, however old the delivery is.
    told = dict.fromkeys(EVENT["properties"]) | {name: it for name, it in event.items() if name != "data"}
    fields: Json = {"event": told, "incident": incident}
    if on_call_events.is_one(incident):
        return {"event": told, **on_call_events.fields(incident)}
    if incident.get("type") == "incident_note":
        named = incident.get("incident")
        note = dict.fromkeys(NOTE["properties"]) | {
            name: it for name, it in incident.items() if name != "incident"
        }
        fields |= {"note": note, "incident": named if isinstance(named, dict) else {}}
    return fields


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _event(payload: Any) -> Json:
    event = payload.get("event") if isinstance(payload, dict) else None
    return event if isinstance(event, dict) else {}


def _incident_id(event: Json) -> str:
    """Incidents themselves are `data`; notes, responders and the like name theirs in `data.incident`."""
    data = event.get("data")
    if not isinstance(data, dict):
        return ""
    named = data.get("incident")
    incident: Json = named if isinstance(named, dict) else data
    some_id = incident.get("id") if data.get("type") == "incident" or incident is not data else None
    return some_id if isinstance(some_id, str) and 0 < len(some_id) <= _LONGEST_ID else ""
