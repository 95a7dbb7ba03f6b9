"""pagerduty/create-maintenance-window: one request creates one window, also when responses are lost.

PagerDuty has no idempotency key for maintenance windows (api-schema, createMaintenanceWindow; needs services.write).
"""

from typing import Any

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions import outcome
from pagerduty_app.actions.fields import REFERENCE, Ids, Moment, from_field, one
from pagerduty_app.actions.lookups import SERVICES
from pagerduty_app.actions.maintenance_windows import recovery
from pagerduty_app.actions.requester import check_requester, writing
from pagerduty_app.client import Api
from pagerduty_app.client.paging import object_of
from pagerduty_app.payloads import response_names
from workflows.catalog import ActionType, Caller, Json, Prepared, ProviderError
from workflows.catalog.schemas import ActionInput, Text

_LENGTHS = ("duration_minutes", "end")
_MOST_MINUTES = 365 * 24 * 60
_ENDED = "The maintenance window must end in the future."


class CreateMaintenanceWindowInput(ActionInput):
    """Input of create-maintenance-window: it lasts some minutes, or until a time."""

    service_ids = Ids(required=True, label="Services", lookup=SERVICES)
    duration_minutes = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=_MOST_MINUTES,
        label="Duration in minutes",
        help_text="1 to 525,600, which is a year",
    )
    start = Moment(required=False, label="Start", help_text="Default: now")
    end = Moment(required=False, label="End", help_text="In place of a duration")
    description = Text(max_length=1_000, required=False, allow_blank=True, label="Description", cut=True)

    class Meta:
        keyword_fields = {"from": from_field()}
        exactly_one = _LENGTHS

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "end" in attrs and "start" in attrs and attrs["end"] <= attrs["start"]:
            raise serializers.ValidationError({"end": ["Must be later than the start."]})
        return attrs | {"service_ids": list(dict.fromkeys(attrs["service_ids"]))}


def prepare(api: Api, data: Json, caller: Caller) -> Prepared:
    """Refuse a window that is over by now; read which equal ones are there. Raise ProviderError."""
    start, end = recovery.times(data, caller)
    if end <= clock.now():
        name = next(name for name in _LENGTHS if name in data)
        raise ProviderError("invalid_input", _ENDED, fields={name: [_ENDED]})
    data = data | {"start": start, "end": end}
    return Prepared(data, baseline=recovery.baseline(api, data, caller))


def perform(api: Api, data: Json, caller: Caller) -> Json:
    """Send the start and end of `prepare`."""
    window: Json = {
        "type": "maintenance_window",
        "start_time": data["start"].isoformat(),
        "end_time": data["end"].isoformat(),
        "services": [{"id": some_id, "type": "service_reference"} for some_id in data["service_ids"]],
    }
    if data.get("description"):
        window["description"] = data["description"]
    with writing(data, caller):
        answer = api.create_maintenance_window(data["from"], window)
        return {"maintenance_window": object_of(answer, "maintenance_window", needs=("id",), writes=True)}


ACTION = ActionType(
    key="pagerduty/create-maintenance-window",
    name="Create maintenance window",
    description="Puts services into maintenance for a time: they create no incidents.",
    scope="services.read services.write users.read",
    writes=True,
    input=CreateMaintenanceWindowInput,
    output_schema=one(
        "maintenance_window",
        {
            "type": "object",
            "properties": {
                "description": {"type": ["string", "null"]},
                "start_time": {"type": "string", "format": "date-time"},
                "end_time": {"type": "string", "format": "date-time"},
                "services": {"type": "array", "items": {**REFERENCE, "type": "object"}},
                "created_by": REFERENCE,
                "html_url": {"type": ["string", "null"]},
                "id": {"type": "string"},
            },
            "required": ["id"],
        },
    ),
    field_names=response_names.OF_MAINTENANCE_WINDOW,
    sample_input={
        "from": "dana@acme.example",
        "service_ids": ["PSVC001"],
        "duration_minutes": 60,
        "description": "Database upgrade",
    },
    perform=perform,
    check=check_requester,
    prepare=prepare,
    recover=recovery.recover,
    settles_in=outcome.settles_in,
)
