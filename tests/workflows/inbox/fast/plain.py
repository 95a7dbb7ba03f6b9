"""What the statement of workflows.inbox.fast.insert_sql stores, by Django's ORM, one query after the other."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django_q.tasks import async_task

from workflows.inbox.fast.insert_sql import Parameters
from workflows.models import Event, Hook, HookDelivery, Trigger, TriggerSecret


def store(delivery: Parameters) -> bool:
    """Store the event, its outbox rows and wake-ups. Return whether it was new and the cached values still hold."""
    at = moment(delivery.received_at)
    no_twins = Q(twins_until__isnull=True) | Q(twins_until__lte=at)
    trigger = Trigger.objects.filter(
        no_twins,
        pk=delivery.trigger,
        status=delivery.trigger_status,
        redact=json.loads(delivery.redact),
        options=json.loads(delivery.options),
        deleted_at__isnull=True,
        confirmed_at__isnull=False,
    ).first()
    secret = TriggerSecret.objects.filter(
        pk=delivery.secret_id, trigger=delivery.trigger, secret=delivery.secret, retired_at__isnull=True
    )
    if trigger is None or not secret.exists():
        return False
    if Event.objects.filter(trigger=trigger, external_id=delivery.external_id).exists():
        return False
    event = Event.objects.create(
        id=delivery.id,
        workspace=trigger.workspace,
        trigger=trigger,
        external_id=delivery.external_id,
        event_type=delivery.event_type,
        lane=delivery.lane,
        body=delivery.body,
        status=delivery.status,
        error=delivery.error,
        received_at=at,
    )
    if event.status == Event.Status.QUEUED:
        async_task("workflows.worker.drain", save=False)
        _owe(event, at)
    return True


def _owe(event: Event, at: datetime) -> None:
    hooks = Hook.objects.filter(workspace=event.workspace_id, events=True, deleted_at__isnull=True)
    takers = [hook for hook in hooks if hook.trigger_id in (None, event.trigger_id)]
    for hook in takers:
        HookDelivery.objects.create(
            workspace_id=event.workspace_id,
            hook=hook,
            kind=HookDelivery.Kind.EVENT,
            event=event,
            lane=event.lane,
            next_attempt_at=at,
            created_at=at,
        )
    if takers:
        async_task("workflows.worker.send_hooks", save=False)


def moment(stored: Any) -> datetime:
    """Return the time that a parameter holds: SQLite stores text in UTC."""
    if isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)
