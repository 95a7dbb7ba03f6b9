"""Each documented body of an event (`event.data.type`): how a workflow sees it (developer docs, webhooks v3).

The table is the source of the fields, of their JSON Schema and of their names. A workflow sees `event` beside them. An
incident or a service is itself a field; a part of one, such as a note, is a field beside what it belongs to.
"""

from dataclasses import dataclass
from typing import Any

from pagerduty_app.payloads import body_names, fields
from pagerduty_app.payloads.field_names import EVENT, Names

Json = dict[str, Any]
ROLES = "incident_role_assignment"


@dataclass(frozen=True)
class Body:
    """One row. part: the field for what is left of `data` without the fields that it names itself.

    schemas: field of `trigger` → its JSON Schema. names: path → display name, without those of `event`.
    """

    kind: str
    part: str
    schemas: Json
    names: Names

    @property
    def schema(self) -> Json:
        """The JSON Schema of `trigger`. What PagerDuty adds inside a field is delivered, and can be used."""
        return {
            "type": "object",
            "properties": {"event": fields.EVENT, **self.schemas},
            "additionalProperties": False,
        }

    @property
    def field_names(self) -> Names:
        return {**EVENT, **self.names}

    def fields_of(self, data: Json) -> Json:
        """The fields of `trigger` beside `event`. Accepts any object as `data`."""
        if self.kind == ROLES:
            assigned = data.get("incident_role_assignments")
            return {"incident": incident_in(data), self.part: assigned if isinstance(assigned, list) else []}
        beside = [name for name in self.schemas if name != self.part]
        part = {name: value for name, value in data.items() if name not in beside}
        if beside:  # documented fields are there, if only as null, however old the delivery is
            part = dict.fromkeys(self.schemas[self.part]["properties"]) | part
        return {**{name: _object(data.get(name)) for name in beside}, self.part: part}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def incident_in(data: Any) -> Json:
    """The incident that `data` is about, whole or as a reference; {} if it names none. Accepts any value."""
    found = _object(data)
    if found.get("type") == "incident":
        return found
    named = found.get("incident")
    roles = found.get("incident_role_assignments") if found.get("type") == ROLES else None
    if not isinstance(named, dict) and isinstance(roles, list) and roles:
        named = _object(roles[0]).get("incident")
    return _object(named)


def service_in(data: Any) -> Json:
    """The service that `data` is or names; {} if neither. Accepts any value."""
    found = _object(data)
    return found if found.get("type") == "service" else _object(found.get("service"))


def _of_incident(kind: str, part: str, schema: Json, names: Names, *, unnamed: bool = False) -> Body:
    """unnamed: PagerDuty leaves out the incident's name."""
    incident = fields.UNNAMED if unnamed else fields.REFERENCE
    return Body(kind, part, {"incident": incident, part: schema}, {**body_names.INCIDENT_NAMED, **names})


BODIES = {
    body.kind: body
    for body in (
        Body("incident", "incident", {"incident": fields.INCIDENT}, body_names.INCIDENT),
        _of_incident("incident_note", "note", fields.NOTE, body_names.NOTE),
        _of_incident("incident_responder", "responder", fields.RESPONDER, body_names.RESPONDER),
        _of_incident(
            "incident_status_update", "status_update", fields.STATUS_UPDATE, body_names.STATUS_UPDATE
        ),
        _of_incident(
            "incident_field_values",
            "field_values",
            fields.FIELD_VALUES,
            body_names.FIELD_VALUES,
            unnamed=True,
        ),
        _of_incident(
            "incident_conference_bridge",
            "conference_bridge",
            fields.CONFERENCE_BRIDGE,
            body_names.CONFERENCE_BRIDGE,
        ),
        _of_incident(
            ROLES, "role_assignments", fields.ROLE_ASSIGNMENTS, body_names.ROLE_ASSIGNMENTS, unnamed=True
        ),
        _of_incident("incident_task", "task", fields.TASK, body_names.TASK, unnamed=True),
        _of_incident(
            "incident_action_invocation",
            "action_invocation",
            fields.ACTION_INVOCATION,
            body_names.ACTION_INVOCATION,
        ),
        Body(
            "incident_workflow_instance",
            "workflow_instance",
            {
                "incident": fields.REFERENCE,
                "service": fields.REFERENCE,
                "workflow_instance": fields.WORKFLOW_INSTANCE,
            },
            {**body_names.INCIDENT_NAMED, **body_names.SERVICE_NAMED, **body_names.WORKFLOW_INSTANCE},
        ),
        Body("service", "service", {"service": fields.SERVICE}, body_names.SERVICE),
        Body(
            "service_field_values",
            "field_values",
            {"service": fields.UNNAMED, "field_values": fields.FIELD_VALUES},
            {**body_names.SERVICE_NAMED, **body_names.FIELD_VALUES},
        ),
    )
}


def body_of(data: Any) -> Body | None:
    """The row for that `data`; None for a kind that is not documented. Accepts any value."""
    kind = _object(data).get("type")
    return BODIES.get(kind) if isinstance(kind, str) else None
