"""The triggers, and what a workflow sees of what they start on."""

import json
from typing import Any

from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.fields import OF_INCIDENT, OF_NOTE
from pagerduty_app.triggers import filters, on_call_changes
from pagerduty_app.triggers.samples import incident, note, sample
from workflows.catalog import TriggerType

Json = dict[str, Any]


def _trigger(status: str, happens: str, **more: Any) -> TriggerType:
    return TriggerType(
        key=f"pagerduty/incident-{status}",
        name=f"Incident {status}",
        description=f"Triggers when an incident {happens}.",
        event_types=frozenset({f"incident.{status}"}),
        sample=sample(status, incident(status)),
        output_schema=OF_INCIDENT,
        field_names=field_names.OF_INCIDENT,
        wants=filters.unwanted,
        **{"options": filters.IncidentFilters, **more},
    )


_NOTE_ADDED = TriggerType(
    key="pagerduty/incident-note-added",
    name="Incident note added",
    description="Triggers when a note is added to an incident.",
    event_types=frozenset({"incident.annotated"}),
    sample=sample("annotated", note()),
    output_schema=OF_NOTE,
    field_names=field_names.OF_NOTE,
)
TRIGGERS = {
    trigger.key: trigger
    for trigger in (
        _trigger(
            "triggered",
            "is triggered",
            options=filters.TriggeredOptions,
            more_event_types={
                "triggered_again": frozenset({"incident.reopened", "incident.unacknowledged"}),
            },
        ),
        _trigger("acknowledged", "is acknowledged"),
        _trigger("resolved", "is resolved"),
        _NOTE_ADDED,
        on_call_changes.TRIGGER,
    )
}


def sample_delivery(trigger: TriggerType, external_id: str) -> bytes:
    """The body of a test delivery: the sample with an id of its own."""
    event = {**trigger.sample["event"], "id": external_id}
    return json.dumps({"event": event}).encode()
