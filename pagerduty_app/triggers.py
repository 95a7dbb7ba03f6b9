"""The triggers, and how a delivery of any content is read (PagerDuty developer docs, webhooks v3)."""

import hashlib
import json
from typing import Any

from pagerduty_app import filters, on_call_changes, on_call_events
from workflows.catalog import Delivery, TriggerType
from workflows.moments import moment

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
    "event.data.incident_key": "is what an incident that a workflow opened is recognised by",
}

_REFERENCE = {
    "type": ["object", "null"],
    "properties": {"id": {"type": "string"}, "summary": {"type": "string"}, "html_url": {"type": "string"}},
}
# Closed where `trigger_fields` fills in exactly these; an incident may have more than PagerDuty documents.
_EVENT: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "event_type": {"type": "string"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "agent": _REFERENCE,
    },
}
OUTPUT_SCHEMA: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "event": _EVENT,
        "incident": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "number": {"type": "integer"},
                "title": {"type": "string"},
                "status": {"type": "string"},
                "urgency": {"type": "string", "enum": ["high", "low"]},
                "html_url": {"type": "string"},
                "incident_key": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
                "service": _REFERENCE,
                "priority": _REFERENCE,
                "escalation_policy": _REFERENCE,
                "assignees": {"type": "array", "items": _REFERENCE},
                "teams": {"type": "array", "items": _REFERENCE},
            },
        },
    },
}

_NOTE_SCHEMA: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "event": _EVENT,
        "incident": {**_REFERENCE, "type": "object"},
        "note": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "content": {"type": "string"},
                "trimmed": {"type": "boolean"},
            },
        },
    },
}


def _reference(kind: str, some_id: str, summary: str) -> Json:
    return {
        "id": some_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{some_id}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{some_id}",
    }


def _sample(happened: str, data: Json) -> Json:
    """One delivery of that kind, of our own making, in PagerDuty's shape."""
    return {
        "event": {
            "id": "01SAMPLE00000000000000000",
            "event_type": f"incident.{happened}",
            "resource_type": "incident",
            "occurred_at": "2026-11-02T09:30:00.000Z",
            "agent": _reference("user", "PUSER01", "Dana Rivera"),
            "client": None,
            "data": data,
        }
    }


def _incident(status: str) -> Json:
    return {
        "id": "PSAMPLE1",
        "type": "incident",
        "self": "https://api.pagerduty.com/incidents/PSAMPLE1",
        "html_url": "https://acme.pagerduty.com/incidents/PSAMPLE1",
        "number": 42,
        "status": status,
        "incident_key": "checkout-latency",
        "created_at": "2026-11-02T09:29:58Z",
        "title": "Checkout answers slowly",
        "incident_type": {"name": "incident_default"},
        "service": _reference("service", "PSVC001", "Payments"),
        "assignees": [_reference("user", "PUSER01", "Dana Rivera")],
        "escalation_policy": _reference("escalation_policy", "PPOL001", "Payments on call"),
        "teams": [_reference("team", "PTEAM01", "Platform")],
        "priority": _reference("priority", "PPRIO01", "P1"),
        "urgency": "high",
        "reopened_at": None,
        "conference_bridge": None,
        "resolve_reason": None,
    }


def _note() -> Json:
    return {
        "id": "PNOTE01",
        "type": "incident_note",
        "content": "The queue is full; looking into it",
        "trimmed": False,
        "incident": _reference("incident", "PSAMPLE1", "Checkout answers slowly"),
    }


def _trigger(status: str, happens: str, **more: Any) -> TriggerType:
    return TriggerType(
        key=f"pagerduty/incident-{status}",
        name=f"Incident {status}",
        description=f"Starts a workflow when an incident {happens}.",
        event_types=frozenset({f"incident.{status}"}),
        sample=_sample(status, _incident(status)),
        output_schema=OUTPUT_SCHEMA,
        wants=filters.unwanted,
        **{"options": filters.IncidentFilters, **more},
    )


_NOTE_ADDED = TriggerType(
    key="pagerduty/incident-note-added",
    name="Incident note added",
    description="Starts a workflow when somebody adds a note to an incident.",
    event_types=frozenset({"incident.annotated"}),
    sample=_sample("annotated", _note()),
    output_schema=_NOTE_SCHEMA,
)
TRIGGERS = {
    trigger.key: trigger
    for trigger in (
        _trigger(
            "triggered",
            "is triggered",
            options=filters.TriggeredOptions,
            more_event_types={
                "triggered_again": frozenset({"incident.reopened", "incident.unacknowledged"}),
            },
        ),
        _trigger("acknowledged", "is acknowledged by somebody"),
        _trigger("resolved", "is resolved"),
        _NOTE_ADDED,
        on_call_changes.TRIGGER,
    )
}


def sample_delivery(trigger: TriggerType, external_id: str) -> bytes:
    """The body of a test delivery: the sample with an id of its own."""
    event = {**trigger.sample["event"], "id": external_id}
    return json.dumps({"event": event}).encode()


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
    schedule {"event": …} and what it says, without an incident.
    """
    event = _event(payload)
    data = event.get("data")
    incident: Json = data if isinstance(data, dict) else {}
    fields: Json = {
        "event": {name: event.get(name) for name in ("id", "event_type", "occurred_at", "agent")},
        "incident": incident,
    }
    if on_call_events.is_one(incident):
        return {"event": fields["event"], **on_call_events.fields(incident)}
    if incident.get("type") == "incident_note":
        fields["note"] = {name: incident.get(name) for name in ("id", "content", "trimmed")}
        named = incident.get("incident")
        fields["incident"] = named if isinstance(named, dict) else {}
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
