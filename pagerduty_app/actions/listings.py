"""pagerduty/list-incidents and pagerduty/list-services: one page, or everything."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rest_framework import serializers

from pagerduty_app.actions.asking import provider_errors
from pagerduty_app.actions.fields import (
    INCIDENT,
    STATUSES,
    URGENCIES,
    Ids,
    ListingInput,
    many,
)
from pagerduty_app.actions.lookups import SERVICES as SERVICE_LOOKUP
from pagerduty_app.actions.lookups import USERS as USER_LOOKUP
from pagerduty_app.client import Api, TookTooLong
from workflows.catalog import ActionType, Caller, Json, ProviderError
from workflows.inputs import Text

_DEFAULT_LIMIT = 25
# PagerDuty answers 400 beyond six months (api-schema, listIncidents); the shortest six months have 181 days.
_LONGEST_SPAN = timedelta(days=184)


class ListIncidentsInput(ListingInput):
    """Without since, until or date_range PagerDuty lists the last month only."""

    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=STATUSES), required=False, allow_empty=False, label="Statuses"
    )
    service_ids = Ids(label="Services", lookup=SERVICE_LOOKUP)
    urgencies = serializers.ListField(
        child=serializers.ChoiceField(choices=URGENCIES), required=False, allow_empty=False, label="Urgencies"
    )
    team_ids = Ids(label="Teams")
    user_ids = Ids(label="Assigned to", lookup=USER_LOOKUP)
    incident_key = Text(max_length=255, required=False, label="Incident key")
    since = serializers.DateTimeField(required=False, label="Since", help_text="Default: a month ago")
    until = serializers.DateTimeField(required=False, label="Until")
    date_range = serializers.ChoiceField(
        choices=["all"], required=False, label="Date range", help_text="all: without any limit of time"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if "date_range" in attrs and (since or until):
            raise serializers.ValidationError({"date_range": ["Either all, or since and until."]})
        if since and until and since >= until:
            raise serializers.ValidationError({"until": ["Must be later than since."]})
        if since and until and until - since > _LONGEST_SPAN:
            raise serializers.ValidationError({"until": ["At most six months after since."]})
        return super().validate(attrs)


class ListServicesInput(ListingInput):
    query = Text(max_length=255, required=False, label="Name contains")
    team_ids = Ids(label="Teams")


def listing(collection: str) -> Callable[[Api, Json, Caller], Json]:
    """perform for a listing of that collection."""

    def perform(api: Api, data: Json, caller: Caller) -> Json:
        filters = {
            name: _plain(value) for name, value in data.items() if name not in {"all", "offset", "limit"}
        }
        with provider_errors():
            if data.get("all"):
                return _everything(api, collection, filters, caller.until)
            page = {"offset": data.get("offset", 0), "limit": data.get("limit", _DEFAULT_LIMIT)}
            answer = api.page(collection, filters | page)
        names = (collection, "offset", "limit", "more", "total")
        return {name: answer.get(name) for name in names}

    return perform


def _everything(api: Api, collection: str, filters: Json, until: float) -> Json:
    """Raises ProviderError; listing_too_long is final, because the same again would take as long again."""
    try:
        found = api.everything(collection, filters, until)
    except TookTooLong as error:
        raise ProviderError(
            "listing_too_long",
            error.message,
            fields={"all": [f"{error.message} Narrow the filters, or read it by offset and limit."]},
            detail={"read": error.read},
        ) from None
    answer = {
        collection: found.rows,
        "offset": 0,
        "limit": len(found.rows),
        "more": not found.complete,
        "total": found.total,
        "complete": found.complete,
    }
    return answer if found.complete else {**answer, "incomplete_reason": found.reason}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


INCIDENTS = ActionType(
    key="pagerduty/list-incidents",
    name="List incidents",
    description="Lists incidents by status, service, urgency and time.",
    scope="incidents.read",
    writes=False,
    input=ListIncidentsInput,
    output_schema=many("incidents", INCIDENT),
    sample_input={"statuses": ["triggered", "acknowledged"], "all": True},
    perform=listing("incidents"),
)
SERVICES = ActionType(
    key="pagerduty/list-services",
    name="List services",
    description="Lists the services of the account.",
    scope="services.read",
    writes=False,
    input=ListServicesInput,
    output_schema=many(
        "services",
        {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string"},
                "status": {"type": "string"},
            },
            "required": ["id"],
        },
    ),
    sample_input={"query": "Payments"},
    perform=listing("services"),
)
