"""Effects that an event shows, by which the event of our own write is recognized (developer docs, webhooks v3)."""

import hashlib
from datetime import datetime
from typing import Any

from pagerduty_app.payloads.bodies import incident_in, service_in
from workflows.catalog import Effect, Json
from workflows.formatting.datetimes import moment
from workflows.inbox.redaction import REDACTED

_REDACTED = REDACTED.strip('"')
_RESPONDER_ADDED = "incident.responder.added"
WORKFLOW_EVENTS = ("incident.workflow.started", "incident.workflow.completed")
# Event type → the field of its data that has the text that was written.
_TEXTS = {
    "incident.annotated": "content",
    "incident.status_update_published": "message",
    _RESPONDER_ADDED: "message",
}


def key_subject(key: str) -> str:
    return f"incident-key:{hashlib.sha256(key.encode(errors='replace')).hexdigest()}"


def schedule_subject(schedule_id: str) -> str:
    return f"schedule:{schedule_id}"


# Each user who is asked is an event of its own, and one trace explains one event.
MOST_RESPONDERS = 20


def responder_subjects(incident_id: str) -> list[str]:
    """Return a subject for each event about a responder that one request may cause."""
    return [f"incident:{incident_id}:responder:{number}" for number in range(MOST_RESPONDERS)]


def text_proof(text: str) -> str:
    return hashlib.sha256(text.strip().encode(errors="replace")).hexdigest()


def shown_by(payload: Any) -> list[Effect]:
    """The effects that a delivery shows; [] if it is about no incident, service or schedule. Accepts any payload."""
    event = _object(payload, "event")
    data, kind = _object(event, "data"), event.get("event_type")
    if not isinstance(kind, str):
        return []
    common: Json = {"kind": kind[:120], "agent": _agent_of(event), "at": _at(event)}
    incident, found = incident_in(data), []
    if kind == "incident.triggered" and isinstance(key := data.get("incident_key"), str):
        found.append(Effect(key_subject(key), **common))
    if isinstance(some_id := incident.get("id"), str):
        common["proof"] = _proof(kind, data)
        if kind == _RESPONDER_ADDED:
            found += [Effect(subject, **common) for subject in responder_subjects(some_id)]
        found.append(Effect(f"incident:{some_id}", **common))
    elif isinstance(some_id := service_in(data).get("id"), str):
        found.append(Effect(f"service:{some_id}", **common))
    elif isinstance(some_id := _object(data, "schedule").get("id"), str):
        found.append(Effect(schedule_subject(some_id), **common))
    return found


def _proof(kind: str, data: Json) -> str:
    """Return the digest of the text that was written, or of the workflow's id; "" if it is not known."""
    text = (
        _object(data, "incident_workflow").get("id")
        if kind in WORKFLOW_EVENTS
        else data.get(_TEXTS.get(kind, ""))
    )
    # A trimmed text shows its beginning only, a redacted one nothing: any of that moment may be it.
    whole = isinstance(text, str) and text != _REDACTED and data.get("trimmed", False) is False
    return text_proof(str(text)) if whole else ""


def _object(value: Any, name: str) -> Json:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _agent_of(event: Json) -> str:
    """The user who made the change, if PagerDuty names one."""
    agent = _object(event, "agent")
    some_id = agent.get("id")
    told = isinstance(some_id, str) and some_id != _REDACTED and str(agent.get("type")).startswith("user")
    return str(some_id) if told else ""


def _at(event: Json) -> datetime | None:
    return moment(event.get("occurred_at"))
