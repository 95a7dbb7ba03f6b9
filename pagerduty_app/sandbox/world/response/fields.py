"""The fields of an incident that PUT /incidents/{id} changes beside status, title and urgency (api-schema)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pagerduty_app.sandbox.refusals import Refused, invalid
from pagerduty_app.sandbox.world.start import reference_to
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
INCIDENT_TYPES = ("incident_default", "major_incident", "security_incident")
# A resolved incident is assigned to no one (api-schema, Incident.assignments).
_ONLY_OPEN = ("assignments", "escalation_policy", "escalation_level")


@dataclass(frozen=True)
class Change:
    """A change that was made: its event type, "" for none, and its log entry, kind "" for none."""

    event_type: str = ""
    kind: str = ""
    more: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The account in which, and the time at which an incident is changed."""

    store: Store
    account: str
    at: str

    def one(self, kind: str, some_id: Any) -> Json:
        """Return an object of the account. Raise Refused."""
        for row in self.store.all(kind, self.account):
            if row["id"] == some_id:
                return row
        raise invalid(f"{kind.replace('_', ' ').capitalize()} not found.")

    def assign(self, incident: Json, users: list[Json], via: str) -> Json:
        """Assign the incident; return what the log entry has of it."""
        incident["assignments"] = [{"at": self.at, "assignee": user} for user in users]
        incident["assigned_via"] = via
        return {"assignees": users}


def change(place: Place, incident: Json, wanted: Json) -> list[Change]:
    """Change the incident as the body of a PUT wants it. Raise Refused."""
    asked = [name for name in _ONLY_OPEN if name in wanted]
    if asked and incident["status"] == "resolved":
        raise Refused(400, 1001, "Incident Already Resolved")
    if "assignments" in wanted and len(asked) > 1:
        raise invalid("Assignments cannot be combined with an escalation policy or level.")
    return [
        made for name, act in _ACTS.items() if name in wanted for made in act(place, incident, wanted[name])
    ]


def _priority(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    rows = place.store.all("priority", place.account)
    if isinstance(value, str):  # a name: the highest priority that has it
        found = next((row for row in rows if row["name"] == value), None)
    else:
        found = next((row for row in rows if row["id"] == _id_of(value)), None)
    if found is None:
        raise invalid("Priority not found.")
    if (incident.get("priority") or {}).get("id") != found["id"]:
        incident["priority"] = found
        yield Change("incident.priority_updated", "field_value_change_log_entry")


def _assignments(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    if not isinstance(value, list) or not value:
        raise invalid("Assignments must be a list of assignees.")
    ids = [_id_of(row.get("assignee")) if isinstance(row, dict) else None for row in value]
    users = [reference_to(place.one("user", some_id)) for some_id in ids]
    more = place.assign(incident, users, "direct_assignment")
    yield Change("incident.reassigned", "assign_log_entry", more)


def _policy(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    policy = place.one("escalation_policy", _id_of(value))
    incident["escalation_policy"] = reference_to(policy)
    more = place.assign(incident, policy["escalation_rules"][0]["targets"], "escalation_policy")
    yield Change("incident.delegated", "delegate_log_entry", more)


def _level(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    rules = place.one("escalation_policy", incident["escalation_policy"]["id"])["escalation_rules"]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= len(rules):
        raise invalid(f"Escalation level must be between 1 and {len(rules)}.")
    more = place.assign(incident, rules[value - 1]["targets"], "escalation_policy")
    yield Change("incident.escalated", "escalate_log_entry", more)


def _service(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    service = place.one("service", _id_of(value))
    if incident["service"]["id"] != service["id"]:
        incident["service"] = reference_to(service)
        yield Change("incident.service_updated", "field_value_change_log_entry")


def _incident_type(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    name = value.get("name") if isinstance(value, dict) else None
    if name not in INCIDENT_TYPES:
        raise invalid("Incident type not found.")
    if incident["incident_type"]["name"] != name:
        incident["incident_type"] = {"name": name}
        yield Change("incident.incident_type.changed", "field_value_change_log_entry")


def _conference_bridge(place: Place, incident: Json, value: Any) -> Iterator[Change]:
    names = ("conference_number", "conference_url")
    if not isinstance(value, dict) or not all(isinstance(value.get(name, ""), str) for name in names):
        raise invalid("Conference bridge must have a number or a URL.")
    bridge = {name: value.get(name, "") for name in names}
    if bridge != bridge_of(place.store, incident["id"]):
        place.store.put("conference_bridge", incident["id"], bridge, place.account)
        yield Change("incident.conference_bridge.updated")


def bridge_of(store: Store, incident_id: str) -> Json | None:
    """Return {"conference_number", "conference_url"} of an incident; None without a conference bridge."""
    return store.get("conference_bridge", incident_id)


def _id_of(reference: Any) -> Any:
    return reference.get("id") if isinstance(reference, dict) else None


_ACTS: dict[str, Callable[[Place, Json, Any], Iterator[Change]]] = {
    "service": _service,
    "incident_type": _incident_type,
    "priority": _priority,
    "escalation_policy": _policy,
    "escalation_level": _level,
    "assignments": _assignments,
    "conference_bridge": _conference_bridge,
}
