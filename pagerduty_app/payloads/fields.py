"""The fields of deliveries: all that the documented body of a type can hold, nullable where PagerDuty sends null.

None of them is closed: what PagerDuty adds is delivered, and a workflow can use it.
"""

from typing import Any

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": "string", "format": "date-time"}


def or_null(schema: Json) -> Json:
    """The schema of a value that can also be null; a schema without a type allows null already."""
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return {**schema, "type": [*kinds, "null"]} if kinds and "null" not in kinds else schema


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


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
    agent=or_null(REFERENCE),
    # The monitoring tool that an alert came from, with the way back to it.
    client=or_null(_object(name=_TEXT, url=or_null(_TEXT))),
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
    incident_key=or_null(_TEXT),
    incident_type=or_null(_object(name=_TEXT)),
    created_at=_TIME,
    reopened_at=or_null(_TIME),
    service=REFERENCE,
    escalation_policy=REFERENCE,
    priority=or_null(REFERENCE),
    assignees=_list(REFERENCE),
    teams=_list(REFERENCE),
    conference_bridge=or_null(_object(conference_number=or_null(_TEXT), conference_url=or_null(_TEXT))),
    # Of one that was merged into another: which.
    resolve_reason=or_null(_object(type=_TEXT, incident=or_null(REFERENCE))),
)
NOTE = _object(id=_TEXT, type=_TEXT, content=_TEXT, trimmed={"type": "boolean"})

# A reference whose name PagerDuty leaves out in some bodies.
UNNAMED = _object(**{**REFERENCE["properties"], "summary": or_null(_TEXT)})
RESPONDER = _object(user=REFERENCE, escalation_policy=REFERENCE, message=_TEXT, state=_TEXT, type=_TEXT)
STATUS_UPDATE = _object(id=_TEXT, type=_TEXT, message=_TEXT, trimmed={"type": "boolean"})
_FIELD_VALUE = _object(
    **dict.fromkeys(("id", "name", "type", "data_type", "field_type", "namespace"), _TEXT),
    # Of any type: text, a number, true or false, a list of these, or null.
    value={},
)
FIELD_VALUES = _object(
    type=_TEXT, custom_fields=_list(_FIELD_VALUE), changed_custom_fields=_list(_FIELD_VALUE)
)
CONFERENCE_BRIDGE = _object(
    type=_TEXT,
    conference_url=or_null(_TEXT),
    conference_numbers=_list(_object(label=or_null(_TEXT), number=_TEXT)),
)
ROLE_ASSIGNMENTS = _list(
    _object(
        **dict.fromkeys(("id", "type", "status"), _TEXT),
        role=_object(id=_TEXT, summary=_TEXT, type=_TEXT),
        assignee=or_null(REFERENCE),
        old_assignee=or_null(REFERENCE),
        incident=UNNAMED,
    )
)
TASK = _object(
    **dict.fromkeys(("id", "type", "name", "summary", "status"), _TEXT),
    description=or_null(_TEXT),
    assignees=_list(REFERENCE),
)
ACTION_INVOCATION = _object(
    **dict.fromkeys(("id", "type", "self", "html_url", "state"), _TEXT), action=REFERENCE
)
_WORKFLOW_TRIGGER = _object(**{**REFERENCE["properties"], "html_url": or_null(_TEXT)})
WORKFLOW_INSTANCE = _object(
    id=_TEXT, type=_TEXT, summary=_TEXT, incident_workflow=REFERENCE, workflow_trigger=_WORKFLOW_TRIGGER
)
SERVICE = _object(**REFERENCE["properties"], alert_creation=_TEXT, teams=_list(REFERENCE))
