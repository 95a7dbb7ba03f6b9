"""The custom fields of incidents and their values (api-schema, CustomFieldsFieldValue)."""

from datetime import datetime
from typing import Any

from pagerduty_app.sandbox.refusals import invalid
from pagerduty_app.sandbox.world.incidents import Incidents
from pagerduty_app.sandbox.world.response.fields import Place
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
# Name, data type, whether it takes several values.
_DEFINED = (
    ("environment", "string", False),
    ("regions", "string", True),
    ("affected_users", "integer", False),
    ("error_rate", "float", False),
    ("customer_facing", "boolean", False),
    ("runbook", "url", False),
    ("started_at", "datetime", False),
)
_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "integer": (int,), "float": (int, float)}
_LONGEST, _MOST = 200, 10


def values(store: Store, incident_id: str) -> list[Json]:
    """Return every field with its value on the incident, None where it is not set."""
    known = {row["name"]: row for row in store.all("field_value", incident_id)}
    empty = [_empty(*row) for row in _DEFINED if row[0] not in known]
    return [*known.values(), *empty]


def set_values(incidents: Incidents, place: Place, user: Json, incident_id: str, wanted: Any) -> list[Json]:
    """Set values of fields, named by name or id; return them all. Raise Refused."""
    if not isinstance(wanted, list) or not all(isinstance(row, dict) for row in wanted):
        raise invalid("Custom fields must be a list of fields with values.")
    with incidents.transaction():
        incident = incidents.get(place.account, incident_id)
        present = values(place.store, incident_id)
        changed = [(_named(present, row), row.get("value")) for row in wanted]
        for found, value in changed:
            _check(found, value)
        before = [found for found, value in changed if found["value"] != value]
        for found, value in changed:
            place.store.put(
                "field_value", f"{incident_id}/{found['name']}", found | {"value": value}, incident_id
            )
        if before:
            incidents.note_down(incident, "custom_field_value_change_log_entry", user)
    present = values(place.store, incident_id)
    if before:
        part = {
            "custom_fields": [_in_event(row) for row in present],
            "changed_custom_fields": [_in_event(row) for row in before],
            "type": "incident_field_values",
        }
        incidents.tell_part("incident.custom_field_values.updated", place.account, incident, user, part)
    return present


def _empty(name: str, data_type: str, several: bool) -> Json:
    return {
        "id": f"PFIELD{name.upper()}",
        "type": "field_value",
        "name": name,
        "display_name": name.replace("_", " ").capitalize(),
        "description": "",
        "data_type": data_type,
        "field_type": "multi_value" if several else "single_value",
        "value": None,
    }


def _named(present: list[Json], row: Json) -> Json:
    for found in present:
        if row.get("id") == found["id"] or row.get("name") == found["name"]:
            return found
    raise invalid(f"Custom field {row.get('name') or row.get('id')} not found.")


def _check(found: Json, value: Any) -> None:
    """Raise Refused if the field does not take the value; None clears it."""
    several = found["field_type"].startswith("multi_value")
    rows = value if several else [value]
    if (
        not isinstance(rows, list)
        or len(rows) > _MOST
        or not all(_fits(found["data_type"], row) for row in rows)
    ):
        raise invalid(f"Custom field {found['name']} has an invalid value.")


def _fits(data_type: str, value: Any) -> bool:
    if value is None:
        return True
    if data_type in _TYPES:
        return isinstance(value, _TYPES[data_type]) and (
            data_type == "boolean" or not isinstance(value, bool)
        )
    if not isinstance(value, str) or len(value) > _LONGEST:
        return False
    return data_type != "datetime" or _is_time(value)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _in_event(row: Json) -> Json:
    names = ("id", "type", "name", "data_type", "field_type", "value")
    return {name: row[name] for name in names} | {"namespace": "incidents"}
