"""Store a genuine delivery as an event, in one transaction with its wake-up."""

import enum
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.db import clock
from core.text.json_sanitize import storable_text
from workflows import catalog
from workflows.catalog import Delivery
from workflows.inbox import deduplication, redaction
from workflows.models import Event, Trigger, TriggerSecret
from workflows.outgoing import outbox
from workflows.queue import wakeup


class Verdict(enum.StrEnum):
    """The outcome of a delivery; the first five mean that it is stored."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    HELD = "held"
    REFUSED = "refused"
    FULL = "full"


STORED = {
    Event.Status.QUEUED: Verdict.ACCEPTED,
    Event.Status.DONE: Verdict.ACCEPTED,
    Event.Status.IGNORED: Verdict.IGNORED,
    Event.Status.FILTERED: Verdict.FILTERED,
}


@dataclass(frozen=True)
class Judged:
    """The stored part of a genuine delivery: body, status, and the reason if it was filtered."""

    body: bytes
    status: Event.Status
    why: str = ""


def judged(trigger: Trigger, delivery: Delivery, *, body: bytes, is_test: bool = False) -> Judged:
    """Return the event as queued if the trigger acts on it, else as ignored or filtered.

    The fields that this trigger never stores are taken out; its options judge what was sent. A test is let through,
    because it is there to be seen.
    """
    trigger_type = catalog.find_trigger(trigger.key)
    stored = redaction.redacted(body, trigger.redact) if trigger.redact else body
    if (
        trigger.status != Trigger.Status.ACTIVE
        or trigger_type is None
        or delivery.event_type not in trigger_type.takes(trigger.options)
    ):
        return Judged(stored, Event.Status.IGNORED)
    why = ""
    if trigger.options and not is_test:
        why = trigger_type.wants(trigger.options, _parsed(body), _parsed(stored))
    return Judged(stored, Event.Status.FILTERED if why else Event.Status.QUEUED, storable_text(why)[:300])


def event_of(trigger: Trigger, *, body: bytes, is_test: bool, delivery: Delivery | None = None) -> Event:
    """Return the unsaved event of a delivery.

    Its identity is read from the body as sent, before redaction. delivery: the parsed body, if the caller has it.
    """
    delivery = delivery or catalog.integration(trigger.provider).read_delivery(body)
    verdict = judged(trigger, delivery, body=body, is_test=is_test)
    # A test is done from the start: it starts no workflow and is sent to no hook.
    over = is_test and verdict.status == Event.Status.QUEUED
    return Event(
        workspace_id=trigger.workspace_id,
        trigger=trigger,
        external_id=storable_text(delivery.external_id)[:200],
        event_type=storable_text(delivery.event_type)[:120],
        lane=storable_text(delivery.lane)[:200],
        body=verdict.body,
        is_test=is_test,
        status=Event.Status.DONE if over else verdict.status,
        error=verdict.why,
    )


def _parsed(body: bytes) -> Any:
    """Return the parsed JSON; None if the body is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def starts_workflows(event: Event) -> bool:
    """Return whether workflows and hooks get the event; else it only begins or ends a deadline."""
    rule = catalog.deadline_rule(event.trigger.key)
    return rule is None or event.event_type not in rule.delivered


def _pass_on(event: Event) -> None:
    if starts_workflows(event):
        outbox.owe_event(event)
    wakeup.wake_workers()


@dataclass(frozen=True)
class Recovered:
    """A recovered change: when it happened, and since when deliveries of it are looked for."""

    happened_at: datetime
    since: datetime


def store(
    trigger: Trigger,
    *,
    body: bytes,
    is_test: bool = False,
    signed_by: TriggerSecret | None = None,
    recovered: Recovered | None = None,
    source: str = "",
) -> Verdict:
    """Store one genuine delivery and, if the trigger acts on it, send the wake-up, in one transaction.

    recovered: set if no webhook delivered it and it was read from the provider afterwards. source: of an event that is
    no delivery.
    """
    delivery = catalog.integration(trigger.provider).read_delivery(body)
    event = event_of(trigger, body=body, is_test=is_test, delivery=delivery)
    event.source = source
    fires = event.status == Event.Status.QUEUED
    watching = signed_by is not None and deduplication.watched(trigger)
    if watching and signed_by is not None:
        event.source = signed_by.pk.hex
    if recovered is not None:
        event.source, event.happened_at = Event.RECOVERED, recovered.happened_at
    try:
        with transaction.atomic():
            if watching or recovered is not None:
                trigger.lock()
            if watching and deduplication.is_reported(trigger, event, delivery):
                return Verdict.DUPLICATE
            if recovered is not None and deduplication.is_reported_since(
                trigger, event, delivery, recovered.since
            ):
                return Verdict.DUPLICATE
            event.save(force_insert=True)
            if trigger.confirmed_at is None and not (is_test or recovered or source):
                Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=clock.now())
            if fires:
                _pass_on(event)
    except IntegrityError:
        if Event.objects.filter(trigger=trigger, external_id=event.external_id).exists():
            return Verdict.DUPLICATE
        raise
    return STORED[Event.Status(event.status)]
