"""Input fields and output schemas that several actions share."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.lookups import SCHEDULES, USER_EMAILS
from pagerduty_app.client.paging import FURTHEST
from workflows.catalog.schemas import ActionInput, Chosen, Email, Flag, Text

URGENCIES = ["high", "low"]
# PagerDuty cuts longer titles.
LONGEST_TITLE = 1024
STATUSES = ["triggered", "acknowledged", "resolved"]


def from_field(unsent: str = "") -> Email:
    """Return the field for PagerDuty's From header: the user in whose name a write is made.

    unsent: of an operation without that header, what it makes, as in "the start".
    """
    attributed = (
        f". PagerDuty attributes {unsent} to the user who authorized the connection"
        if unsent
        else "; the change is attributed to this user"
    )
    help_text = f"Email address of a user of the connected PagerDuty account{attributed}"
    return Email(max_length=254, label="From", help_text=help_text, lookup=USER_EMAILS)


class Id(Text):
    """A PagerDuty id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not value.replace("-", "").replace("_", "").isalnum() or not value.isascii():
            raise serializers.ValidationError("Must be a PagerDuty ID, such as PABC123.")
        return value


def incident_field() -> Id:
    return Id(label="Incident ID", help_text="e.g. Q1A2B3C4D5E6F7 (last part of the incident URL)")


def schedule_field(**more: Any) -> Id:
    return Id(label="Schedule", lookup=SCHEDULES, **more)


class Moment(serializers.DateTimeField):
    """A time between the years 2000 and 2100, so that arithmetic with it cannot overflow."""

    def to_internal_value(self, value: Any) -> datetime:
        at: datetime = super().to_internal_value(value)
        if not 2000 <= at.year <= 2100:
            raise serializers.ValidationError("Must be between the years 2000 and 2100.")
        return at


class Ids(Chosen, serializers.ListField):
    """A list of PagerDuty ids."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=Id(), **{"max_length": 100, "allow_empty": False, "required": False, **kwargs})


class ListingInput(ActionInput):
    """offset and limit of one page, or all pages."""

    offset = serializers.IntegerField(required=False, min_value=0, max_value=FURTHEST - 1, label="Offset")
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=100, label="Limit", help_text="Rows of one page, at most 100"
    )
    all = Flag(
        required=False,
        label="All pages",
        help_text="In a workflow the default, without a limit and an offset",
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, with filters before offset and limit."""
        fields = super().get_fields()
        paging = {name: fields.pop(name) for name in ("all", "limit", "offset")}
        return {**fields, **paging}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("all") and ("offset" in attrs or "limit" in attrs):
            raise serializers.ValidationError({"all": ["Either all pages, or an offset and a limit."]})
        if attrs.get("offset", 0) + attrs.get("limit", 25) > FURTHEST:
            raise serializers.ValidationError({"offset": [f"offset + limit can be at most {FURTHEST:,}."]})
        return attrs


NAMED: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "email": {"type": "string"}},
    "required": ["id"],
}
NAMED_THING: dict[str, Any] = {
    "type": ["object", "null"],
    "properties": {
        "id": {"type": "string"},
        "summary": {"type": ["string", "null"]},
        "html_url": {"type": ["string", "null"]},
    },
    "required": ["id"],
}
REFERENCE: dict[str, Any] = {
    "type": ["object", "null"],
    "properties": {"id": {"type": "string"}, "summary": {"type": "string"}, "html_url": {"type": "string"}},
}
INCIDENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "incident_number": {"type": "integer", "title": "Number"},
        "title": {"type": "string"},
        "status": {"type": "string", "enum": STATUSES},
        "urgency": {"type": "string", "enum": URGENCIES},
        "service": REFERENCE,
        "created_at": {"type": "string", "format": "date-time"},
        "id": {"type": "string"},
        "incident_key": {"type": ["string", "null"]},
        "html_url": {"type": "string"},
    },
    "required": ["id", "status"],
}


TIMES: dict[str, Any] = {
    "since": {"type": "string", "format": "date-time", "title": "Since"},
    "until": {"type": "string", "format": "date-time", "title": "Until"},
    "date_range": {"type": "string", "title": "Date range"},
}


def one(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object such as {"incident": {…}}."""
    return {
        "type": "object",
        "properties": {name: schema},
        "required": [name],
        "additionalProperties": False,
    }


def many(name: str, schema: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of a listing; `complete` and `incomplete_reason` come with `all`. more: other properties."""
    return {
        "type": "object",
        "properties": {
            name: {"type": "array", "items": schema},
            "offset": {"type": "integer"},
            "limit": {"type": "integer"},
            "more": {"type": "boolean"},
            "total": {"type": ["integer", "null"]},
            "complete": {"type": "boolean"},
            "incomplete_reason": {"type": "string"},
            **(more or {}),
        },
        "required": [name, "more"],
        "additionalProperties": False,
    }
