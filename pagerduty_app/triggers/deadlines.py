"""The triggers for incidents that are not acknowledged, or not resolved, in time.

PagerDuty posts nothing about that. Deliveries of the webhook begin and end deadlines (workflows.deadlines), and
PagerDuty is asked about the incident when one has passed. The time counts from when the incident was triggered or
reopened, and for the first trigger anew from the end of an acknowledgement.
"""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rest_framework import serializers

from core.db import clock
from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import object_of
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.payloads import deadline_events
from pagerduty_app.payloads.deadline_events import NOT_ACKNOWLEDGED, NOT_RESOLVED
from pagerduty_app.triggers import filters, samples
from pagerduty_app.triggers.event_trigger import COMMON
from workflows.catalog import DeadlineAnswer, DeadlineRule, Json, PassedDeadline, TriggerType
from workflows.formatting.datetimes import moment

_LONGEST_MINUTES = 7 * 24 * 60
# One set of event types for both triggers.
_TRIGGERED, _REOPENED, _UNACKNOWLEDGED = (
    "incident.triggered",
    "incident.reopened",
    "incident.unacknowledged",
)
_ACKNOWLEDGED, _RESOLVED = "incident.acknowledged", "incident.resolved"
_SETTLED = ("service_ids", "team_ids")
_STATUSES = ("triggered", "acknowledged", "resolved")
# PagerDuty shows whole seconds.
_A_MOMENT = timedelta(seconds=1)
# Work in flight counts as stuck after 180 (workflows.queue.in_flight).
_LONGEST_READ_SECONDS = 60.0


class DeadlineOptions(filters.IncidentFilters):
    """The minutes, and the filters."""

    minutes = serializers.IntegerField(
        min_value=1,
        max_value=_LONGEST_MINUTES,
        label="Minutes",
        help_text=f"Time after which workflows start, 1 to {_LONGEST_MINUTES:,} (seven days)",
    )

    def get_fields(self) -> dict[str, Any]:
        """Put the minutes before filters."""
        fields = super().get_fields()
        return {"minutes": fields.pop("minutes"), **fields}


def unwanted(options: Json, payload: Any, shown: Any) -> str:
    """As filters.unwanted. Urgency and priority are judged when the deadline has passed, as they are set by then.

    Deliveries that end a deadline are not filtered.
    """
    event = payload.get("event") if isinstance(payload, dict) else None
    kind = event.get("event_type") if isinstance(event, dict) else None
    if kind in (_ACKNOWLEDGED, _RESOLVED):
        return ""
    if kind not in (NOT_ACKNOWLEDGED, NOT_RESOLVED):
        options = {name: options[name] for name in _SETTLED if name in options}
    return filters.unwanted(options, payload, shown)


def _ask(event_type: str, over: tuple[str, ...], api: Api, passed: PassedDeadline) -> DeadlineAnswer:
    """Ask for the incident. over: statuses with which the deadline is met. Raises ProviderError."""
    try:
        incident = object_of(api.get_incident(passed.subject), "incident", needs=("id", "status"))
        status = incident["status"]
        if status in over:
            return DeadlineAnswer(words=f"The incident was {status} when the time had passed.")
        if incident["id"] != passed.subject or status not in _STATUSES:
            raise PagerDutyError("PagerDuty’s response is about something else.", status=200, retryable=True)
        again = _again_since(api, incident, over, passed.since)
    except PagerDutyError as error:
        if error.status == 404:
            return DeadlineAnswer(words="The incident no longer exists.")
        raise as_provider_error(error) from None
    if again is not None:
        return DeadlineAnswer(since=again)
    return DeadlineAnswer(body=deadline_events.body(event_type, incident, passed, clock.now()))


def _again_since(api: Api, incident: Json, over: tuple[str, ...], since: datetime) -> datetime | None:
    """Return when the deadline began anew although no delivery said so; None if it did not.

    An incident does not say since when it is triggered: `last_status_change_at` is `updated_at` then (api-schema). Only
    its log does, which is read where it was changed at all.
    """
    updated_at = moment(incident.get("updated_at"))
    if updated_at is None or updated_at <= since + _A_MOMENT:
        return None
    again, is_over = None, False
    entries = log_entries.every(
        api, incident["id"], since.replace(microsecond=0), time.monotonic() + _LONGEST_READ_SECONDS
    )
    for entry in reversed(list(log_entries.statuses_in(entries))):
        if entry["status"] in over:
            again, is_over = entry["at"], True
        elif is_over:
            again, is_over = entry["at"], False
    return again if again is not None and again > since else None


def _trigger(
    key: str, name: str, happens: str, event_type: str, over: tuple[str, ...], **rule: frozenset[str]
) -> TriggerType:
    """happens: the end of a sentence that begins with “Triggers when”. rule: starts, continues and the like."""
    return TriggerType(
        key=f"pagerduty/{key}",
        name=name,
        description=f"Triggers when {happens}.",
        group=COMMON,
        event_types=frozenset({event_type}),
        sample=_sample(event_type),
        output_schema=deadline_events.SCHEMA,
        field_names=deadline_events.FIELD_NAMES,
        options=DeadlineOptions,
        wants=unwanted,
        deadline=DeadlineRule(
            event_type=event_type,
            scopes=("incidents.read",),
            length=lambda options: timedelta(minutes=options["minutes"]),
            ask=partial(_ask, event_type, over),
            **rule,
        ),
    )


def _sample(event_type: str) -> Json:
    data = samples.incident("triggered") | {
        "deadline": {
            "minutes": 10,
            "since": "2026-11-02T09:29:58.120000Z",
            "due_at": "2026-11-02T09:39:58.120000Z",
            "checked_at": "2026-11-02T09:39:58.540000Z",
        }
    }
    made = samples.sample(event_type, data)
    return {"event": {**made["event"], "agent": None, "occurred_at": "2026-11-02T09:39:58.120000Z"}}


TRIGGERS = (
    _trigger(
        "incident-not-acknowledged",
        "Incident not acknowledged",
        "an incident is not acknowledged within the minutes that you choose",
        NOT_ACKNOWLEDGED,
        ("acknowledged", "resolved"),
        starts=frozenset({_TRIGGERED, _REOPENED, _UNACKNOWLEDGED}),
        ends=frozenset({_ACKNOWLEDGED, _RESOLVED}),
    ),
    _trigger(
        "incident-not-resolved",
        "Incident not resolved",
        "an incident is not resolved within the minutes that you choose",
        NOT_RESOLVED,
        ("resolved",),
        starts=frozenset({_TRIGGERED, _REOPENED}),
        # It was open before, and its time goes on.
        continues=frozenset({_UNACKNOWLEDGED}),
        ends=frozenset({_RESOLVED}),
        unused=frozenset({_ACKNOWLEDGED}),
    ),
)
