"""pagerduty/list-incidents and pagerduty/list-services."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions.fields import (
    INCIDENT,
    STATUSES,
    TIMES,
    URGENCIES,
    Ids,
    ListingInput,
    Moment,
    many,
)
from pagerduty_app.actions.listings import all_pages, in_background, listing, stream
from pagerduty_app.actions.lookups import SERVICES as SERVICE_LOOKUP
from pagerduty_app.actions.lookups import USERS as USER_LOOKUP
from pagerduty_app.payloads import field_names
from workflows.catalog import ActionType
from workflows.catalog.schemas import Text

# PagerDuty returns 400 beyond six months (api-schema, listIncidents); the shortest six months have 181 days.
_LONGEST_SPAN = timedelta(days=184)
_NEVER = (
    "PagerDuty assigns resolved incidents to no one, so user_ids with statuses resolved alone finds nothing. "
    "Leave one of them out, or add another status."
)


class ListIncidentsInput(ListingInput):
    """Input of a listing. Without since, until or date_range: the last month. Beyond six months only with `all`."""

    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=STATUSES), required=False, allow_empty=False, label="Statuses"
    )
    service_ids = Ids(label="Services", lookup=SERVICE_LOOKUP)
    urgencies = serializers.ListField(
        child=serializers.ChoiceField(choices=URGENCIES), required=False, allow_empty=False, label="Urgencies"
    )
    team_ids = Ids(label="Teams")
    user_ids = Ids(
        label="Assigned to",
        help_text="Assigned now: a resolved incident is assigned to no one",
        lookup=USER_LOOKUP,
    )
    incident_key = Text(max_length=255, required=False, label="Incident key")
    since = Moment(required=False, label="Since", help_text="Default: a month ago")
    until = Moment(required=False, label="Until", help_text="Default: now")
    date_range = serializers.ChoiceField(
        choices=["all"], required=False, label="Date range", help_text="all: no time limit"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if "date_range" in attrs and (since or until):
            raise serializers.ValidationError({"date_range": ["Either all, or since and until."]})
        if since and until and since >= until:
            raise serializers.ValidationError({"until": ["Must be later than since."]})
        if since and (until or clock.now()) - since > _LONGEST_SPAN and not attrs.get("all"):
            name, said = ("until", "after since") if until else ("since", "ago without until")
            raise serializers.ValidationError({name: [f"At most six months {said}, or all pages."]})
        if "user_ids" in attrs and set(attrs.get("statuses", ())) == {"resolved"}:
            raise serializers.ValidationError({name: [_NEVER] for name in ("user_ids", "statuses")})
        return super().validate(attrs)


class ListServicesInput(ListingInput):
    query = Text(max_length=255, required=False, label="Name contains")
    team_ids = Ids(label="Teams")


INCIDENTS = ActionType(
    key="pagerduty/list-incidents",
    name="List incidents",
    description="Lists incidents by status, service, urgency and time.",
    scope="incidents.read",
    writes=False,
    input=ListIncidentsInput,
    output_schema=many("incidents", INCIDENT, TIMES),
    field_names=field_names.of_incidents("incidents"),
    sample_input={"statuses": ["triggered", "acknowledged"], "all": True},
    perform=listing("incidents"),
    stream=stream("incidents"),
    step_defaults=all_pages,
    in_background=in_background,
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
    field_names=field_names.of_listing("services", "service"),
    sample_input={"query": "Payments"},
    perform=listing("services"),
    stream=stream("services"),
    step_defaults=all_pages,
    in_background=in_background,
)
