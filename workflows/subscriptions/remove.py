"""Removal of webhooks: replaced by a newer one, or no longer wanted."""

import time
from typing import Any

import structlog
from django.db import transaction

from connections.models import Connection
from connections.tenancy.actor import Actor
from core import backoff
from core.db import clock
from core.db.leases import RELEASED, LeaseLost
from core.errors import Problem
from workflows.catalog import ProviderError, Subscriber
from workflows.inbox import deduplication, secrets
from workflows.models import Subscription
from workflows.subscriptions import backfill, create, requests
from workflows.subscriptions.lease import SubscriptionLease

log = structlog.get_logger(__name__)

_SYSTEM = Actor.system()
_AT_ONCE_SECONDS = 10.0
_MOST_AT_ONCE = 50


def replaced(lease: SubscriptionLease) -> None:
    """Remove a replaced webhook once the newer one is confirmed; until then both deliver, deduplicated."""
    row = lease.row
    newer = row.trigger.subscriptions.filter(status=Subscription.Status.ON).first()
    if newer is None or newer.confirmed_at is None:
        deduplication.watch(row.trigger)
        lease.done(again_in=backoff.delay(max(1, newer.pings) if newer else 5))
        return
    deduplication.watch(row.trigger)
    lease.ask(lambda subscriber, api: subscriber.remove(api, row.external_id))
    with transaction.atomic():
        # The provider may still retry deliveries that it began: the secret stays valid for as long.
        lease.release(
            status=Subscription.Status.REMOVED,
            ended_at=clock.now(),
            next_attempt_at=clock.now() + backfill.retries_for(row.trigger),
        )
        requests.record(
            _SYSTEM, row.trigger, requests.ROTATED, removed=row.external_id, now=newer.external_id
        )


def retire_secret(lease: SubscriptionLease) -> None:
    """Retire the secret once no delivery signed with it can still be retried; never a trigger's last secret."""
    secret, trigger = lease.row.secret, lease.row.trigger
    active = trigger.secrets.filter(retired_at__isnull=True)
    if secret is not None and active.exclude(pk=secret.pk).exists():
        secret.trigger = trigger
        secrets.retire_secret(actor=_SYSTEM, secret=secret)
    lease.done(again_in=None)


def remove(lease: SubscriptionLease) -> None:
    """Remove an unwanted webhook. Without an id, remove our webhooks with this trigger's URL."""
    lease.ask(lambda subscriber, api: _removed(lease, subscriber, api))
    with transaction.atomic():
        lease.release(
            status=Subscription.Status.REMOVED, ended_at=clock.now(), next_attempt_at=None, error=None
        )
        requests.record(_SYSTEM, lease.row.trigger, requests.REMOVED, webhook=lease.row.external_id)


def _removed(lease: SubscriptionLease, subscriber: Subscriber, api: Any) -> None:
    if lease.row.external_id:
        subscriber.remove(api, lease.row.external_id)
    if lease.row.sent_at is not None and not lease.row.external_id:
        create.tidied(lease, subscriber, api, unsure=True)


def remove_all(connection: Connection) -> int:
    """Remove a connection's webhooks before its tokens are erased, as many as a short time limit allows.

    Return how many were removed. Never raise on a provider error.
    """
    end, gone = time.monotonic() + _AT_ONCE_SECONDS, 0
    rows = Subscription.objects.open().filter(trigger__connection=connection)
    for row in rows.order_by("created_at")[:_MOST_AT_ONCE]:
        if row.status == Subscription.Status.MAKING and row.sent_at is None:
            continue
        lease = SubscriptionLease.claim(row) if time.monotonic() < end else None
        if lease is None:
            continue
        try:
            lease.write(status=Subscription.Status.REMOVING)
            remove(lease)
            gone += 1
        except LeaseLost:
            continue
        except (ProviderError, Problem) as error:
            log.warning("webhook_not_removed", subscription=str(row.pk), code=error.code)
            break  # the others would fare no better
    return gone


def leave_all(connection: Connection) -> int:
    """Leave what remains at the provider, in the transaction that erases the tokens. Return how many webhooks."""
    rows = Subscription.objects.open().filter(trigger__connection=connection)
    never_sent = {"status": "making", "sent_at": None}
    ended = {**RELEASED, "next_attempt_at": None, "ended_at": clock.now()}
    rows.filter(**never_sent).update(status=Subscription.Status.FAILED, **ended)
    return rows.update(status=Subscription.Status.LEFT, **ended)
