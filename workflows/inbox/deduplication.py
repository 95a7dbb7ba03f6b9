"""Deduplication by what changed; by event id, the constraint `event_once` (workflows.models.events) does it.

That constraint cannot see one change that is delivered under two event ids: while a secret rotates, two webhooks
deliver each change, and a change recovered from the provider may still be delivered late. Until `trigger.twins_until`
each event stores the webhook that delivered it (`source`), and a change that another source already delivered is a
duplicate. Outside of that time nothing is looked up or locked.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from core.db import clock
from workflows import catalog
from workflows.catalog import Delivery
from workflows.models import Event, Trigger

# Retries may be under way for as long as the provider goes on with a delivery; this is added for its clock and ours.
_MARGIN = timedelta(days=1)
_MOST = 200
_ABOUT = timedelta(minutes=1)


def watch(trigger: Trigger) -> None:
    """Compare changes from now on, for as long as the provider may retry a delivery."""
    subscriber = catalog.integration(trigger.provider).subscriber
    until = clock.now() + (subscriber.retries_for if subscriber else timedelta()) + _MARGIN
    Trigger.objects.filter(pk=trigger.pk).update(twins_until=until)
    trigger.twins_until = until


def watched(trigger: Trigger) -> bool:
    return trigger.twins_until is not None and trigger.twins_until > clock.now()


def is_reported(trigger: Trigger, event: Event, delivery: Delivery) -> bool:
    """Return whether another webhook already delivered this change. The caller holds the trigger's lock."""
    if not delivery.change:
        return False
    told = (
        Event.objects.filter(trigger=trigger, lane=event.lane).exclude(source="").exclude(source=event.source)
    )
    at = event.happened_at or delivery.happened_at or clock.now()
    return _among(trigger, told, event, delivery.change, at)


def is_reported_since(trigger: Trigger, event: Event, delivery: Delivery, since: datetime) -> bool:
    """Return whether a recovered change was delivered since `since`, also before `watch` was called."""
    told = Event.objects.filter(
        trigger=trigger, lane=event.lane, event_type=event.event_type, received_at__gte=since, is_test=False
    ).exclude(source=Event.RECOVERED)
    return _among(trigger, told, event, delivery.change, event.happened_at or since)


def _among(trigger: Trigger, rows: QuerySet[Event], event: Event, change: str, at: datetime) -> bool:
    integration = catalog.integration(trigger.provider)
    subscriber = integration.subscriber
    if subscriber is None:
        return False
    same_type = rows.filter(event_type=event.event_type, is_test=False).order_by("-seq")
    for row in same_type.only("body", "received_at", "happened_at", "source")[:_MOST]:
        told = integration.read_delivery(bytes(row.body))
        if told.change != change:
            continue
        if event.event_type in subscriber.only_once:
            return True
        when, within = row.happened_at or told.happened_at, subscriber.told_within
        if when is None:  # its time is among the fields that are never stored
            when, within = row.received_at, _ABOUT
        elif row.is_recovered or event.is_recovered:
            within = subscriber.seen_within
        if abs(when - at) <= within:
            return True
    return False
