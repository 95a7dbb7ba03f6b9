"""pagerduty/list-incident-log-entries: what happened to an incident, and who was notified when (api-schema)."""

from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.fields import REFERENCE, ListingInput, Moment, incident_field, many
from pagerduty_app.actions.listings import all_pages, in_background, listing, stream
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.field_names import of_items
from workflows.catalog import ActionType
from workflows.catalog.schemas import Flag

_INCLUDES = {"channels": "Channels in full", "incidents": "Incidents in full", "services": "Services in full"}
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_NOTIFICATION = dict.fromkeys(("type", "address", "status"), _TEXT)


class ListLogEntriesInput(ListingInput):
    """Input of list-incident-log-entries. Without since and until: everything."""

    incident_id = incident_field()
    since = Moment(required=False, label="Since")
    until = Moment(required=False, label="Until")
    is_overview = Flag(required=False, label="Overview", help_text="Only the most important changes")
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=list(_INCLUDES.items())),
        required=False,
        allow_empty=False,
        label="Include",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ["Must be later than since."]})
        return super().validate(attrs)


# api-schema, LogEntry; `user` is of notifications and assignments.
_ENTRY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": _TEXT,
        "type": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "agent": REFERENCE,
        "user": REFERENCE,
        "note": _TEXT,
        "channel": {
            "type": ["object", "null"],
            "properties": {
                "type": _TEXT,
                "summary": _TEXT,
                "notification": {"type": ["object", "null"], "properties": _NOTIFICATION},
                "details": {"type": ["object", "string", "null"]},
            },
        },
        "event_details": {"type": ["object", "null"], "properties": {"description": _TEXT}},
        "service": REFERENCE,
        "html_url": _TEXT,
        "id": {"type": "string"},
    },
    "required": ["id", "type"],
}
_NAMES = of_items(
    "log_entries",
    "log entry",
    {
        "id": "ID",
        "type": "type",
        "summary": "summary",
        "created_at": "time",
        "note": "note",
        "channel.type": "channel",
        "channel.summary": "channel summary",
        "channel.details": "channel details",
        "channel.notification.type": "notification type",
        "channel.notification.address": "notification address",
        "channel.notification.status": "notification status",
        "event_details.description": "description",
        "html_url": "URL",
    },
    {"agent": "actor", "user": "user", "service": "service"},
)

ACTION = ActionType(
    key="pagerduty/list-incident-log-entries",
    name="List incident log entries",
    description="Lists what happened to an incident, newest first, such as who was notified when.",
    scope="incidents.read",
    writes=False,
    input=ListLogEntriesInput,
    output_schema=many("log_entries", _ENTRY),
    field_names=field_names.LISTING | _NAMES,
    sample_input={"incident_id": "PABC123", "all": True},
    perform=listing("log_entries"),
    stream=stream("log_entries"),
    step_defaults=all_pages,
    in_background=in_background,
)
