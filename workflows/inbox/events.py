"""Stored events: what conditions and expressions see of them, and another round for one that failed."""

from typing import Any

from django.db import transaction

from workflows import catalog
from workflows.models import Event
from workflows.queue import wakeup


def fields_of(event: Event) -> dict[str, Any]:
    """The fields of an event that conditions and expressions can see: {"trigger": {…}}."""
    provider = event.trigger.key.partition("/")[0]
    return {"trigger": catalog.integration(provider).trigger_fields(event.payload)}


def requeue(event: Event) -> bool:
    """Give a failed event another round of attempts."""
    with transaction.atomic():
        updated = Event.objects.filter(seq=event.seq, status=Event.Status.FAILED).update(
            status=Event.Status.QUEUED, attempts=0, lease_until=None, error=""
        )
        wakeup.wake_workers()
    return bool(updated)
