"""The triggers, and what a workflow sees of what they start on."""

import json
from typing import Any

from pagerduty_app import filters, on_call_changes
from pagerduty_app.trigger_samples import incident, note, sample
from workflows.catalog import TriggerType

Json = dict[str, Any]

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


def _trigger(status: str, happens: str, **more: Any) -> TriggerType:
    return TriggerType(
        key=f"pagerduty/incident-{status}",
        name=f"Incident {status}",
        description=f"Starts a workflow when an incident {happens}.",
        event_types=frozenset({f"incident.{status}"}),
        sample=sample(status, incident(status)),
        output_schema=OUTPUT_SCHEMA,
        wants=filters.unwanted,
        **{"options": filters.IncidentFilters, **more},
    )


_NOTE_ADDED = TriggerType(
    key="pagerduty/incident-note-added",
    name="Incident note added",
    description="Starts a workflow when somebody adds a note to an incident.",
    event_types=frozenset({"incident.annotated"}),
    sample=sample("annotated", note()),
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
