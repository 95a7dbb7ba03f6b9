"""The fields of deliveries: all that the documented body of a type can hold, nullable where PagerDuty sends null.

None of them is closed: what PagerDuty adds is delivered, and a workflow can use it.
"""

from typing import Any

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": "string", "format": "date-time"}


def _or_null(schema: Json) -> Json:
    return {**schema, "type": [schema["type"], "null"]}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


REFERENCE = _object(
    **dict.fromkeys(("id", "summary", "html_url", "self", "type"), _TEXT),
)
EVENT = _object(
    id=_TEXT,
    event_type=_TEXT,
    resource_type=_TEXT,
    occurred_at=_TIME,
    agent=_or_null(REFERENCE),
    # The monitoring tool that an alert came from, with the way back to it.
    client=_or_null(_object(name=_TEXT, url=_or_null(_TEXT))),
)
INCIDENT = _object(
    id=_TEXT,
    type=_TEXT,
    self=_TEXT,
    html_url=_TEXT,
    number={"type": "integer"},
    title=_TEXT,
    status={"type": "string", "enum": ["triggered", "acknowledged", "resolved"]},
    urgency={"type": "string", "enum": ["high", "low"]},
    # null for what an alert opened.
    incident_key=_or_null(_TEXT),
    incident_type=_or_null(_object(name=_TEXT)),
    created_at=_TIME,
    reopened_at=_or_null(_TIME),
    service=REFERENCE,
    escalation_policy=REFERENCE,
    priority=_or_null(REFERENCE),
    assignees={"type": "array", "items": REFERENCE},
    teams={"type": "array", "items": REFERENCE},
    conference_bridge=_or_null(_object(conference_number=_or_null(_TEXT), conference_url=_or_null(_TEXT))),
    # Of one that was merged into another: which.
    resolve_reason=_or_null(_object(type=_TEXT, incident=_or_null(REFERENCE))),
)
NOTE = _object(id=_TEXT, type=_TEXT, content=_TEXT, trimmed={"type": "boolean"})


def _closed(**properties: Json) -> Json:
    return {**_object(**properties), "additionalProperties": False}


OF_INCIDENT = _closed(event=EVENT, incident=INCIDENT)
OF_NOTE = _closed(event=EVENT, incident=REFERENCE, note=NOTE)
