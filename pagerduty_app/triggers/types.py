"""The triggers, in the order in which they are offered, and their test deliveries."""

import json
from itertools import groupby
from typing import Any

from pagerduty_app.triggers import deadlines, filters, on_call_ahead, on_call_changes
from pagerduty_app.triggers.chosen_types import ANY_EVENT, INCIDENT_CHANGED
from pagerduty_app.triggers.event_trigger import COMMON, EventTrigger
from pagerduty_app.triggers.event_types import EVENT_TRIGGERS
from workflows.catalog import TriggerType

Json = dict[str, Any]


def _trigger(row: EventTrigger) -> TriggerType:
    return TriggerType(
        key=f"pagerduty/{row.key}",
        name=row.name,
        description=row.description,
        group=row.group,
        event_types=frozenset({row.event_type}),
        more_event_types=row.more_event_types,
        sample=row.sample,
        output_schema=row.body.schema,
        field_names=row.body.field_names,
        options=row.options,
        wants=filters.unwanted,
    )


_BY_GROUP = {
    group: list(map(_trigger, rows)) for group, rows in groupby(EVENT_TRIGGERS, lambda row: row.group)
}
_COMMON = [
    *_BY_GROUP.pop(COMMON),
    *deadlines.TRIGGERS,
    on_call_changes.TRIGGER,
    on_call_ahead.GAP,
    on_call_ahead.START,
    INCIDENT_CHANGED,
]
TRIGGERS = {
    trigger.key: trigger for triggers in (_COMMON, *_BY_GROUP.values(), [ANY_EVENT]) for trigger in triggers
}


def sample_delivery(sample: Json, external_id: str) -> bytes:
    """The body of a test delivery: the sample with an id of its own."""
    event = {**sample["event"], "id": external_id}
    return json.dumps({"event": event}).encode()
