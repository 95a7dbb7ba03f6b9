"""Filters of the triggers: which deliveries start workflows, by what they say of their incident or service.

A note's delivery names its incident and nothing else of it (developer docs, webhooks v3), so there is none for notes;
the same goes for tasks, roles and the like.
"""

from typing import Any

from rest_framework import serializers

from core.text.folding import fold
from pagerduty_app.actions.fields import URGENCIES, Ids
from pagerduty_app.actions.lookups import PRIORITIES, SERVICES, TEAMS
from pagerduty_app.payloads.bodies import service_in
from workflows.catalog import Json
from workflows.catalog.schemas import ActionInput, Flag, Names

_NAMED = 3


class IncidentFilters(ActionInput):
    """Filters of incidents: an empty list matches everything, otherwise one of its values has to match."""

    service_ids = Ids(label="Services", help_text="Only incidents of these services", lookup=SERVICES)
    team_ids = Ids(label="Teams", help_text="Only incidents of these teams", lookup=TEAMS)
    urgencies = serializers.ListField(
        child=serializers.ChoiceField(choices=URGENCIES), required=False, allow_empty=False, label="Urgencies"
    )
    priorities = Names(
        label="Priorities",
        required=False,
        help_text="Only incidents of these priorities: their names, such as P1, P2, separated by commas",
        lookup=PRIORITIES,
    )


class TriggeredOptions(IncidentFilters):
    """The filters, with an option for events that bring an incident back to triggered."""

    triggered_again = Flag(
        label="Also when an incident is triggered again",
        required=False,
        help_text="It was reopened, or its acknowledgement timed out",
    )

    def get_fields(self) -> dict[str, Any]:
        """Put event types before filters."""
        fields = super().get_fields()
        return {"triggered_again": fields.pop("triggered_again"), **fields}


class OfServices(ActionInput):
    """The filter of events that name a service."""

    service_ids = Ids(label="Services", help_text="Only these services", lookup=SERVICES)


class OfTeams(ActionInput):
    """The filter of events of services that do not exist when the trigger is made."""

    team_ids = Ids(label="Teams", help_text="Only services of these teams", lookup=TEAMS)


class ServiceFilters(OfTeams, OfServices):
    """The filters of events of services."""


def unwanted(options: Json, payload: Any, shown: Any) -> str:
    """The reason why the delivery is filtered out; "" if it is not. Accepts any payload."""
    found_in, said = _data_of(payload), _data_of(shown)
    for option, field, what, identify in _FILTERS:
        chosen = {fold(value) for value in options.get(option, ())}
        found = found_in.get(field)
        values = [value for value in (found if isinstance(found, list) else [found]) if value]
        if chosen and not any(fold(identify(value)) in chosen for value in values):
            return f"{_named(what, said.get(field))} not among the chosen ones"
    return ""


def _data_of(payload: Any) -> Json:
    """The `data` of the event; a service is its own `service`."""
    event = payload.get("event") if isinstance(payload, dict) else None
    data = event.get("data") if isinstance(event, dict) else None
    found = data if isinstance(data, dict) else {}
    return {**found, "service": service_in(found)} if found.get("type") == "service" else found


def _field(name: str) -> Any:
    def of(value: Any) -> str:
        found = value.get(name) if isinstance(value, dict) else None
        return found if isinstance(found, str) else ""

    return of


def _itself(value: Any) -> str:
    return value if isinstance(value, str) else ""


# (option, field of the event's data, what that is called, what of its value is compared)
_FILTERS = (
    ("service_ids", "service", "service", _field("id")),
    ("team_ids", "teams", "team", _field("id")),
    ("urgencies", "urgency", "urgency", _itself),
    ("priorities", "priority", "priority", _field("summary")),
)


def _named(what: str, value: Any) -> str:
    """Service Payments is; teams A, B are; it has no priority, which is."""
    values = value if isinstance(value, list) else [value]
    names = [_itself(one) or _field("summary")(one) or _field("id")(one) for one in values]
    names = [" ".join(name.split())[:60] for name in names if name]
    if not names:
        return f"it names no {what}, so it is"
    more = ", …" if len(names) > _NAMED else ""
    plural = len(names) > 1
    return f"{what}{'s' if plural else ''} {', '.join(names[:_NAMED])}{more} {'are' if plural else 'is'}"
