"""A row of the table of triggers, and the headings under which they are offered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pagerduty_app.payloads.bodies import BODIES, Body
from pagerduty_app.triggers import filters, samples
from workflows.catalog import Json
from workflows.catalog.schemas import ActionInput

# The headings under which the triggers are chosen, in their order.
COMMON, INCIDENTS, RESPONSE = "Common", "More incident events", "Incident response"
AUTOMATION, SERVICES, OTHER = "Automation", "Services", "Other"


@dataclass(frozen=True)
class EventTrigger:
    """One row. key: without `pagerduty/`. happens: the end of a sentence that begins with “Triggers when”.

    data: of a sample, whose type says which body such events have. options: the serializer of the filters, for bodies
    that say what is filtered by. scope: the scope that the creator of the webhook needs, "" for none beyond the usual.
    """

    group: str
    key: str
    name: str
    happens: str
    event_type: str
    data: Json
    options: type[ActionInput] | None = None
    scope: str = ""
    more_event_types: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def body(self) -> Body:
        return BODIES[self.data["type"]]

    @property
    def sample(self) -> Json:
        return samples.sample(self.event_type, self.data)

    @property
    def description(self) -> str:
        needs = f" The webhook’s creator needs {self.scope}." if self.scope else ""
        return f"Triggers when {self.happens}.{needs}"


def whole_incident(group: str, what: str, happens: str, status: str, **more: Any) -> EventTrigger:
    """A row whose body is the whole incident. what: the last word of key, name and event type, unless given."""
    return EventTrigger(
        group=group,
        happens=happens,
        data=samples.incident(status),
        **{
            "key": f"incident-{what}",
            "name": f"Incident {what}",
            "event_type": f"incident.{what}",
            "options": filters.IncidentFilters,
            **more,
        },
    )


def part_of_incident(
    group: str, what: str, happens: str, event_type: str, data: Json, **more: Any
) -> EventTrigger:
    """A row whose body is a part of an incident. what: the words of its name after “Incident”."""
    key = f"incident-{what.replace(' ', '-')}"
    return EventTrigger(group, key, f"Incident {what}", happens, f"incident.{event_type}", data, **more)


def whole_service(what: str, options: type[ActionInput]) -> EventTrigger:
    return EventTrigger(
        group=SERVICES,
        key=f"service-{what}",
        name=f"Service {what}",
        happens=f"a service is {what}",
        event_type=f"service.{what}",
        data=samples.service(),
        options=options,
    )
