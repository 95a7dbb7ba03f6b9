"""The triggers whose event types are chosen: of all that happens to incidents, and any by name."""

import re
from typing import Any

from rest_framework import serializers

from pagerduty_app.payloads.bodies import BODIES
from pagerduty_app.payloads.several_bodies import any_of
from pagerduty_app.triggers import filters, samples
from pagerduty_app.triggers.event_trigger import COMMON, OTHER
from pagerduty_app.triggers.event_types import EVENT_TRIGGERS
from workflows.catalog import Json, TriggerType
from workflows.catalog.schemas import ActionInput, Names

_MOST = 20
_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
# Test messages that prove a URL; they are no events.
_TESTS = "pagey."
_SAMPLES = {row.event_type: row.sample for row in EVENT_TRIGGERS}
_OF_INCIDENTS = [row for row in EVENT_TRIGGERS if row.event_type.startswith("incident.")]
_OPTION = "event_types"


class ChangedOptions(filters.IncidentFilters):
    """The types to start on, and the filters."""

    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=[(row.event_type, row.name) for row in _OF_INCIDENTS]),
        allow_empty=False,
        label="Events",
        help_text="The filters exclude events that do not contain what they filter by, such as notes and tasks",
    )

    def get_fields(self) -> dict[str, Any]:
        """Put event types before filters."""
        fields = super().get_fields()
        return {_OPTION: fields.pop(_OPTION), **fields}

    def validate_event_types(self, given: list[str]) -> list[str]:
        return list(dict.fromkeys(given))


class AnyOptions(ActionInput):
    """The names of the types to start on."""

    event_types = Names(
        most=_MOST,
        label="Event types",
        help_text=f"As PagerDuty names them, such as incident.escalated; at most {_MOST}, separated by commas",
    )

    def validate_event_types(self, given: list[str]) -> list[str]:
        for name in given:
            if not _TYPE.fullmatch(name) or name.startswith(_TESTS):
                raise serializers.ValidationError(
                    f"“{name}” is not an event type. Use the name in PagerDuty, such as incident.escalated."
                )
        return list(dict.fromkeys(given))


def _sample_of(event_type: str) -> Json:
    """A delivery of that type; of one that is not documented, an incident."""
    return _SAMPLES.get(event_type) or samples.sample(event_type, samples.incident("triggered"))


_OF_INCIDENT, _INCIDENT_NAMES = any_of((row.body for row in _OF_INCIDENTS), closed=True)
INCIDENT_CHANGED = TriggerType(
    key="pagerduty/incident-changed",
    name="Incident changed",
    description="Triggers when one of the events that you choose happens to an incident.",
    group=COMMON,
    event_types=frozenset(),
    event_types_option=_OPTION,
    sample=_sample_of("incident.triggered"),
    sample_of=_sample_of,
    output_schema=_OF_INCIDENT,
    field_names=_INCIDENT_NAMES,
    options=ChangedOptions,
    wants=filters.unwanted,
)
_OF_ANY, _ANY_NAMES = any_of(BODIES.values(), closed=False)
ANY_EVENT = TriggerType(
    key="pagerduty/any-event",
    name="Any event",
    description="Triggers when PagerDuty sends an event of a type that you specify, also one that is not listed here.",
    group=OTHER,
    event_types=frozenset(),
    event_types_option=_OPTION,
    sample=_sample_of("incident.triggered"),
    sample_of=_sample_of,
    output_schema=_OF_ANY,
    field_names=_ANY_NAMES,
    options=AnyOptions,
)
