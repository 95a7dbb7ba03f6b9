"""Create a webhook exactly once, and never lose its secret, even if the process crashes in between.

The row stores `sent_at` before the request leaves. If the response or the process is lost, a webhook may exist whose
secret is unknown: it has the trigger's URL and an id that is on no row. The next attempt removes it and makes another.
Webhooks with other URLs are left alone.
"""

from typing import Any

import structlog
from django.db import transaction

from connections.tenancy.actor import Actor
from core.db import clock
from core.errors import Problem
from workflows.catalog import MadeWebhook, ProviderError, Subscriber, Webhook
from workflows.inbox import deduplication, limits, secrets
from workflows.models import Subscription
from workflows.subscriptions import event_types, requests
from workflows.subscriptions.lease import SubscriptionLease

log = structlog.get_logger(__name__)

_SYSTEM = Actor.system()
_MOST_OTHERS = 20
_FIRST_LOOK_SECONDS = 2.0


def make(lease: SubscriptionLease) -> None:
    """Remove what an earlier attempt may have left, create a webhook, store its secret, request a test delivery."""
    row = lease.row
    active = row.trigger.secrets.filter(retired_at__isnull=True).count()
    if active >= limits.MAX_SECRETS:
        raise Problem("too_many_secrets", "Delete an unused secret first.", status=409)
    made = lease.ask(lambda subscriber, api: _made(lease, subscriber, api))
    keep(lease, made)
    prove(lease)


def prove(lease: SubscriptionLease) -> None:
    """Request the provider's test delivery; the first check follows shortly and may request it again."""
    lease.write(pings=lease.row.pings + 1)
    try:
        lease.ask(lambda subscriber, api: subscriber.ping(api, lease.row.external_id))
    except ProviderError as error:
        log.warning("webhook_not_pinged", subscription=str(lease.row.pk), code=error.code)
    lease.done(again_in=_FIRST_LOOK_SECONDS)


def _made(lease: SubscriptionLease, subscriber: Subscriber, api: Any) -> MadeWebhook:
    row, trigger = lease.row, lease.row.trigger
    others = tidied(lease, subscriber, api, unsure=row.sent_at is not None)
    deduplication.watch(trigger)  # before two webhooks deliver the same changes
    again = {"gap_since": row.gap_since or row.sent_at} if row.sent_at else {}
    lease.write(sent_at=row.sent_at or clock.now(), others=others[:_MOST_OTHERS], **again)

    def make(events: list[str]) -> MadeWebhook:
        return subscriber.make(api, trigger.url, events, requests.reach_of(row), trigger.name)

    try:
        return make(requests.events_of(trigger))
    except ProviderError as error:
        return make(_accepted(lease, error, others=bool(others)))


def _accepted(lease: SubscriptionLease, error: ProviderError, *, others: bool) -> list[str]:
    """Return the types without those that the provider may have refused; the first check names them. Raise otherwise.

    others: there are webhooks that people made. They may deliver what was refused, so the first webhook of the
    trigger's own does not take their place.
    """
    trigger = lease.row.trigger
    kinds = event_types.unlisted(trigger)
    if not (kinds and event_types.is_about_types(error)):
        raise error
    accepted = [kind for kind in requests.events_of(trigger) if kind not in kinds]
    if not accepted or (others and not trigger.subscriptions.filter(status=Subscription.Status.ON).exists()):
        raise event_types.refusal(trigger, error, kinds) from None
    return accepted


def tidied(lease: SubscriptionLease, subscriber: Subscriber, api: Any, *, unsure: bool) -> list[str]:
    """Remove webhooks with this trigger's URL that we made and lost. Return the ids of those that people made.

    unsure: an attempt may have made one whose id was never stored, so each that was not there before is removed.
    """
    row = lease.row
    here = row.trigger.subscriptions.filter(status__in=["on", "replaced"])
    known = set(here.values_list("external_id", flat=True))
    others = []
    for webhook in subscriber.everything(api):
        if webhook.url != row.trigger.url or webhook.id in known:
            continue
        if webhook.ours or (unsure and webhook.id not in row.others):
            subscriber.remove(api, webhook.id)
            _record_removed(lease, webhook)
        else:
            others.append(webhook.id)
    return others


def _record_removed(lease: SubscriptionLease, webhook: Webhook) -> None:
    requests.record(
        _SYSTEM, lease.row.trigger, requests.REMOVED, webhook=webhook.id, why="its secret was lost"
    )


def keep(lease: SubscriptionLease, made: MadeWebhook) -> None:
    """Store the webhook's id and secret in one transaction; mark the webhook that was active as replaced."""
    row, now = lease.row, clock.now()
    with transaction.atomic():
        secret, _ = secrets.add_secret(actor=_SYSTEM, trigger=row.trigger, secret=made.secret)
        row.trigger.subscriptions.filter(status=Subscription.Status.ON).update(
            status=Subscription.Status.REPLACED, attempts=0, next_attempt_at=now
        )
        lease.write(
            status=Subscription.Status.ON,
            external_id=made.id,
            secret=secret,
            made_at=now,
            well_at=now,
        )
        reach = requests.reach_of(row).as_json()
        requests.record(_SYSTEM, row.trigger, requests.MADE, webhook=made.id, reach=reach)
