"""The fields that an update writes beside the status: what is sent, and how the incident shows it (api-schema)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.catalog import Json

# PagerDuty's ids; anything else is the name of a priority. A name of that form is not found, and refused.
_PRIORITY_ID = re.compile(r"P[A-Z0-9]{6}(?:[A-Z0-9]{7})?", re.ASCII)


@dataclass(frozen=True)
class Field:
    """sent(value, incident) → its part of the request. shown(value, incident) → whether the incident has it already.

    events: the types that tell of it. only_open: it concerns who works on the incident, so it is not written to a
    resolved one, which has no assignees.
    """

    sent: Callable[[Any, Json], Json]
    shown: Callable[[Any, Json], bool]
    events: tuple[str, ...] = ()
    only_open: bool = False


def reference(kind: str, some_id: str) -> Json:
    return {"id": some_id, "type": f"{kind}_reference"}


def _plain(name: str) -> Field:
    return Field(lambda value, incident: {name: value}, lambda value, incident: incident.get(name) == value)


def _object(incident: Json, name: str) -> Json:
    found = incident.get(name)
    return found if isinstance(found, dict) else {}


def _priority(value: str, incident: Json) -> Json:
    return {"priority": reference("priority", value) if _PRIORITY_ID.fullmatch(value) else value}


def _has_priority(value: str, incident: Json) -> bool:
    present = _object(incident, "priority")
    return value in [present.get(name) for name in ("id", "name", "summary")]


def assignees_of(assignments: Any) -> set[Any]:
    """Return the ids of the assigned users. Accepts any value."""
    rows = assignments if isinstance(assignments, list) else []
    return {_object(row, "assignee").get("id") for row in rows if isinstance(row, dict)}


def _is_assigned(value: list[str], incident: Json) -> bool:
    # Users assigned by an escalation policy are not the same: the incident escalates further.
    direct = incident.get("assigned_via") == "direct_assignment"
    return direct and assignees_of(incident.get("assignments")) == set(value)


def _assignments(value: list[str], incident: Json) -> Json:
    return {"assignments": [{"assignee": reference("user", some_id)} for some_id in value]}


def _has_policy(value: str, incident: Json) -> bool:
    by_policy = incident.get("assigned_via") != "direct_assignment"
    return by_policy and _object(incident, "escalation_policy").get("id") == value


def _bridge(value: Json, incident: Json) -> Json:
    """Return the whole bridge: whether PagerDuty keeps a part that is not sent is not documented."""
    present = {
        name: part for name, part in _object(incident, "conference_bridge").items() if name in _PARTS and part
    }
    return {"conference_bridge": present | value}


_PARTS = ("conference_number", "conference_url")


def _has_bridge(value: Json, incident: Json) -> bool:
    present = _object(incident, "conference_bridge")
    return all((present.get(name) or "") == part for name, part in value.items())


FIELDS: Mapping[str, Field] = {
    "title": _plain("title"),
    "urgency": _plain("urgency"),
    "priority": Field(_priority, _has_priority, ("incident.priority_updated",)),
    "escalation_level": Field(
        lambda value, incident: {"escalation_level": value},
        lambda value, incident: False,  # the incident does not show its level
        ("incident.escalated",),
        only_open=True,
    ),
    "assignee_ids": Field(_assignments, _is_assigned, ("incident.reassigned",), only_open=True),
    "escalation_policy_id": Field(
        lambda value, incident: {"escalation_policy": reference("escalation_policy", value)},
        _has_policy,
        ("incident.delegated",),
        only_open=True,
    ),
    "service_id": Field(
        lambda value, incident: {"service": reference("service", value)},
        lambda value, incident: _object(incident, "service").get("id") == value,
        ("incident.service_updated",),
        only_open=True,
    ),
    "incident_type": Field(
        lambda value, incident: {"incident_type": {"name": value}},
        lambda value, incident: _object(incident, "incident_type").get("name") == value,
        ("incident.incident_type.changed",),
    ),
    "conference_bridge": Field(_bridge, _has_bridge, ("incident.conference_bridge.updated",)),
}
ONLY_OPEN = frozenset(name for name, field in FIELDS.items() if field.only_open)


def body_of(send: Json, incident: Json) -> Json:
    """Return the incident object of the request. send: fields of the input, status and resolution."""
    body: Json = {"type": "incident"}
    for name, value in send.items():
        body |= FIELDS[name].sent(value, incident) if name in FIELDS else {name: value}
    return body
