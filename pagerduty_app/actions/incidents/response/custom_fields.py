"""pagerduty/set-custom-fields: only values that differ are written, each in the type of its field."""

import re

from rest_framework import serializers

from pagerduty_app.actions import outcome
from pagerduty_app.actions.fields import from_field, incident_field
from pagerduty_app.actions.incidents.response.field_values import fault, same, typed
from pagerduty_app.actions.requester import check_requester, writing
from pagerduty_app.client import Api
from pagerduty_app.client.paging import rows_of
from pagerduty_app.errors.mapping import provider_errors
from pagerduty_app.payloads import response_names
from workflows.catalog import ActionType, Caller, Effect, Json, Prepared, ProviderError
from workflows.catalog.schemas import ActionInput, Pairs

# api-schema, CustomFieldsFieldValue.name; the second is our own bound.
_LONGEST_NAME, _MOST_FIELDS = 50, 50
_ID = re.compile(r"P[A-Z0-9]{6}(?:[A-Z0-9]{7})?", re.ASCII)
_VALUES = "_values"
_REASONS = {"unchanged": "The incident already has these values."}


class SetCustomFieldsInput(ActionInput):
    incident_id = incident_field()
    custom_fields = Pairs(
        allow_empty=False,
        label="Custom fields",
        help_text="Name or ID of each field with its value; an empty value clears it",
    )

    class Meta:
        keyword_fields = {"from": from_field()}

    def validate_custom_fields(self, given: Json) -> Json:
        if len(given) > _MOST_FIELDS:
            raise serializers.ValidationError(f"At most {_MOST_FIELDS} fields.")
        if any(not name.strip() or len(name) > _LONGEST_NAME for name in given):
            raise serializers.ValidationError(f"Names must have 1 to {_LONGEST_NAME} characters.")
        faults = [f"{name}: {said}" for name, value in given.items() if (said := fault(value))]
        if faults:
            raise serializers.ValidationError(faults)
        return given


def _wanted(data: Json, present: list[Json]) -> list[Json]:
    """Return what to set: [{"place": its id or name, "value", "is_set"}]. PagerDuty judges fields it does not list.

    Raise ProviderError for a field that is given by name and by ID: it has only one of the two values.
    """
    found: list[Json] = []
    for name, value in data["custom_fields"].items():
        field = next((row for row in present if name in (row.get("name"), row.get("id"))), None)
        if field is None:
            place = {"id": name} if _ID.fullmatch(name) else {"name": name}
            found.append({"place": place, "value": value, "is_set": False})
            continue
        place, set_to = {"id": field["id"]}, typed(field, value)
        if any(row["place"] == place for row in found):
            raise _given_twice(field)
        found.append({"place": place, "value": set_to, "is_set": same(field, set_to)})
    return found


def _given_twice(field: Json) -> ProviderError:
    said = f"The field {field.get('name')} is given twice: by name and by ID ({field['id']})."
    return ProviderError("invalid_input", said, fields={"custom_fields": [said]})


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Read the values before anything is sent. Raise ProviderError."""
    with provider_errors():
        present = api.custom_fields(data["incident_id"])
    left = [row for row in _wanted(data, present) if not row["is_set"]]
    values = [row["place"] | {"value": row["value"]} for row in left]
    return Prepared(data | {_VALUES: values}, None if values else _output(present, "unchanged"))


def perform(api: Api, data: Json, caller: Caller) -> Json:
    with writing(data, caller):
        answer = api.set_custom_fields(data["from"], data["incident_id"], data[_VALUES])
        return _output(rows_of(answer, "custom_fields"))


def recover(api: Api, data: Json, caller: Caller) -> Json | None:
    """Return the result of an earlier attempt, if the incident has all values."""
    with provider_errors():
        present = api.custom_fields(data["incident_id"])
    return _output(present) if all(row["is_set"] for row in _wanted(data, present)) else None


def _output(values: list[Json], reason: str | None = None) -> Json:
    return {"custom_fields": values, "changed": reason is None, "reason": reason}


def effects(api: Api, data: Json, caller: Caller) -> list[Effect]:
    """Return the event that will report the values; as whose change is not documented."""
    return [Effect(f"incident:{data['incident_id']}", "incident.custom_field_values.updated")]


ACTION = ActionType(
    key="pagerduty/set-custom-fields",
    name="Set custom fields",
    description="Sets custom fields of an incident.",
    scope="incidents.read incidents.write users.read",
    writes=True,
    input=SetCustomFieldsInput,
    output_schema=outcome.schema(
        {
            "custom_fields": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "value": {}},
                },
            }
        },
        _REASONS,
    ),
    field_names=response_names.OF_CUSTOM_FIELDS,
    sample_input={
        "from": "dana@acme.example",
        "incident_id": "PABC123",
        "custom_fields": {"environment": "production", "affected_users": 12, "regions": ["eu", "us"]},
    },
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recover,
    effects=effects,
    settles_in=outcome.settles_in,
)
