"""On-call actions: schedules, everyone on call in a schedule, users and teams.

A layer-based schedule's users need only users.read (PagerDuty api-schema).
"""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions.fields import NAMED, TIMES, ListingInput, Moment, many, schedule_field
from pagerduty_app.actions.listings import all_pages, in_background, listing, stream
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.schedules.on_call import users_on_call
from workflows.catalog import ActionType, Caller, Json
from workflows.catalog.schemas import ActionInput, Text

# PagerDuty renders at most three months of a schedule at once (developer docs, schedule entries).
_LONGEST_RANGE = timedelta(days=92)


class ListByNameInput(ListingInput):
    query = Text(max_length=255, required=False, label="Name contains")


class OnCallInput(ActionInput):
    """Input of list-on-call. Without since and until: now."""

    schedule_id = schedule_field()
    since = Moment(required=False, label="Since")
    until = Moment(required=False, label="Until", help_text=f"At most {_LONGEST_RANGE.days} days after since")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("since" in attrs) != ("until" in attrs):
            raise serializers.ValidationError({"until": ["since and until go together."]})
        if "since" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ["Must be later than since."]})
        if "since" in attrs and attrs["until"] - attrs["since"] > _LONGEST_RANGE:
            raise serializers.ValidationError(
                {"until": [f"Must be at most {_LONGEST_RANGE.days} days after since."]}
            )
        return attrs


def _on_call(api: Api, data: Json, caller: Caller) -> Json:
    since, until = data.get("since"), data.get("until")
    if since is None or until is None:
        # Shifts begin and end on whole seconds, so a range of one second has only the people on call now.
        since = clock.now().replace(microsecond=0)
        until = since + timedelta(seconds=1)
    users = users_on_call(api, data["schedule_id"], since, until)
    return {"users": users, "more": False, "since": since.isoformat(), "until": until.isoformat()}


def _by_name(collection: str, scope: str, description: str) -> ActionType:
    return ActionType(
        key=f"pagerduty/list-{collection}",
        name=f"List {collection}",
        description=description,
        scope=scope,
        writes=False,
        input=ListByNameInput,
        output_schema=many(collection, NAMED),
        field_names=field_names.of_listing(collection, collection.removesuffix("s")),
        sample_input={"all": True},
        perform=listing(collection),
        stream=stream(collection),
        step_defaults=all_pages,
        in_background=in_background,
    )


SCHEDULES = _by_name("schedules", "schedules.read", "Lists on-call schedules.")
USERS = _by_name("users", "users.read", "Lists the users of the account.")
TEAMS = _by_name("teams", "teams.read", "Lists the teams of the account.")
ON_CALL = ActionType(
    key="pagerduty/list-on-call",
    name="List on-calls",
    description="Lists all users on call in a schedule, now or during a time window.",
    scope="users.read",
    writes=False,
    input=OnCallInput,
    output_schema=many("users", NAMED, {name: TIMES[name] for name in ("since", "until")}),
    field_names=field_names.of_listing("users", "user"),
    sample_input={"schedule_id": "PSCHED1"},
    perform=_on_call,
)
