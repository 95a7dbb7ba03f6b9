"""The end of webhooks: replaced by a newer one, or not wanted any more."""

import time
from typing import Any

import structlog
from django.db import transaction

from connections.models import Connection
from connections.tenancy.actor import Actor
from core import backoff
from core.db import clock
from core.errors import Problem
from workflows.catalog import ProviderError, Subscriber
from workflows.inbox import deduplication, secrets
from workflows.models import Subscription
from workflows.subscriptions import backfill, create, requests
from workflows.subscriptions.lease import Care, LeaseLost, claim

log = structlog.get_logger(__name__)

_SYSTEM = Actor.system()
_AT_ONCE_SECONDS = 10.0
_MOST_AT_ONCE = 50


def replaced(care: Care) -> None:
    """Goes as soon as the newer one has proved itself; until then both deliver, and neither twice."""
    row = care.row
    newer = row.trigger.subscriptions.filter(status=Subscription.Status.ON).first()
    if newer is None or newer.confirmed_at is None:
        deduplication.watch(row.trigger)
        care.done(again_in=backoff.delay(max(1, newer.pings) if newer else 5))
        return
    deduplication.watch(row.trigger)
    care.ask(lambda subscriber, api: subscriber.remove(api, row.external_id))
    with transaction.atomic():
        # What the provider has begun to deliver, it may go on with: its secret counts for as long.
        care.give_back(
            status=Subscription.Status.REMOVED,
            ended_at=clock.now(),
            next_attempt_at=clock.now() + backfill.retries_for(row.trigger),
        )
        requests.record(
            _SYSTEM, row.trigger, requests.ROTATED, removed=row.external_id, now=newer.external_id
        )


def retire_secret(care: Care) -> None:
    """Nothing that it signed can still be under way. The last secret of a trigger is never taken from it."""
    secret, trigger = care.row.secret, care.row.trigger
    active = trigger.secrets.filter(retired_at__isnull=True)
    if secret is not None and active.exclude(pk=secret.pk).exists():
        secret.trigger = trigger
        secrets.retire_secret(actor=_SYSTEM, secret=secret)
    care.done(again_in=None)


def remove(care: Care) -> None:
    """It is not wanted any more. Without an id, whatever of ours has this trigger's address is it."""
    care.ask(lambda subscriber, api: _removed(care, subscriber, api))
    with transaction.atomic():
        care.give_back(
            status=Subscription.Status.REMOVED, ended_at=clock.now(), next_attempt_at=None, error=None
        )
        requests.record(_SYSTEM, care.row.trigger, requests.REMOVED, webhook=care.row.external_id)


def _removed(care: Care, subscriber: Subscriber, api: Any) -> None:
    if care.row.external_id:
        subscriber.remove(api, care.row.external_id)
    if care.row.sent_at is not None and not care.row.external_id:
        create.tidied(care, subscriber, api, unsure=True)


def remove_all(connection: Connection) -> int:
    """Before a connection's tokens are erased: remove what it has at the provider, as far as that goes in a moment.

    Return how many are gone. Never raises for what the provider says.
    """
    end, gone = time.monotonic() + _AT_ONCE_SECONDS, 0
    rows = Subscription.objects.open().filter(trigger__connection=connection)
    for row in rows.order_by("created_at")[:_MOST_AT_ONCE]:
        if row.status == Subscription.Status.MAKING and row.sent_at is None:
            continue
        care = claim(row) if time.monotonic() < end else None
        if care is None:
            continue
        try:
            care.write(status=Subscription.Status.REMOVING)
            remove(care)
            gone += 1
        except LeaseLost:
            continue
        except (ProviderError, Problem) as error:
            log.warning("webhook_not_removed", subscription=str(row.pk), code=error.code)
            break  # the others would fare no better
    return gone


def leave_all(connection: Connection) -> int:
    """The tokens are erased: what is still at the provider stays there. Part of that transaction; answers how many."""
    rows = Subscription.objects.open().filter(trigger__connection=connection)
    never_sent = {"status": "making", "sent_at": None}
    ended = {"lease_holder": None, "lease_until": None, "next_attempt_at": None, "ended_at": clock.now()}
    rows.filter(**never_sent).update(status=Subscription.Status.FAILED, **ended)
    return rows.update(status=Subscription.Status.LEFT, **ended)
