"""Health check of an active webhook: it exists, is active and enabled, and has the wanted settings."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connections.tenancy.actor import Actor
from core import backoff
from core.db import clock
from workflows import catalog
from workflows.catalog import ProviderError, Subscriber, Webhook
from workflows.inbox import deduplication
from workflows.models import Subscription
from workflows.notifications import facts
from workflows.subscriptions import backfill, create, event_types, requests, webhook_states
from workflows.subscriptions.lease import SubscriptionLease

_SYSTEM = Actor.system()
# PagerDuty drops events while a webhook is disabled: the sooner that is detected, the less has to be recovered.
_EVERY_SECONDS = 5 * 60.0
_TIDY_EVERY = timedelta(days=1)
_NEW_FOR = timedelta(hours=1)
_OVERLAP = timedelta(minutes=5)


def look(lease: SubscriptionLease) -> None:
    """Check the webhook once and repair what is wrong."""
    found = lease.ask(lambda subscriber, api: subscriber.look(api, lease.row.external_id))
    if found is None:
        _make_anew(lease)
    elif lease.row.secret is not None and lease.row.secret.retired_at is not None:
        _renew(lease)
    elif not found.active:
        # A person disabled it on purpose: show that on the trigger's page, but do not undo it.
        with transaction.atomic():
            if lease.row.trouble != "inactive":
                facts.webhook_disabled(
                    lease.row.trigger, f"It was disabled manually in {_name(lease)}. Enable it there."
                )
            lease.done(again_in=_next_look(), trouble="inactive", gap_since=_gap(lease.row))
    else:
        _well(lease, found)


def _well(lease: SubscriptionLease, found: Webhook) -> None:
    row = lease.row
    if found.disabled or row.trouble:
        _enable(lease, needed=found.disabled)
    refused = event_types.put_right(lease, found)
    if row.confirmed_at is None and not _confirm(lease, refused):
        return
    if row.gap_since is not None:
        backfill.recover(lease)
    _tidy(lease, keeps_others=refused is not None)
    _done(lease, _next_look(), refused)


def _done(lease: SubscriptionLease, again_in: float, refused: dict[str, Any] | None) -> None:
    """End a good check. Notify once of types that were refused."""
    with transaction.atomic():
        if refused is not None and not event_types.is_same(refused, lease.row.error):
            words, _ = webhook_states.refused(refused, _name(lease))
            facts.event_types_refused(lease.row.trigger, refused["detail"]["event_types"], words)
        lease.done(again_in=again_in, well_at=clock.now(), error=refused)


def _enable(lease: SubscriptionLease, *, needed: bool) -> None:
    """Enable the webhook again; store first since when events may be missing."""
    was_disabled = needed or lease.row.trouble == "disabled"  # enabled, perhaps, by a turn that was cut off
    with transaction.atomic():
        if needed and lease.row.trouble != "disabled":
            why = f"{_name(lease)} disabled it after repeated failures. Re-enabling; events "
            facts.webhook_disabled(
                lease.row.trigger, f"{why}missed in the meantime are recovered as far as possible."
            )
        lease.write(trouble="disabled" if needed else lease.row.trouble, gap_since=_gap(lease.row))
    if needed:
        lease.ask(lambda subscriber, api: subscriber.enable(api, lease.row.external_id))
    with transaction.atomic():
        lease.write(trouble="", well_at=clock.now())
        if was_disabled:
            requests.record(_SYSTEM, lease.row.trigger, requests.ENABLED, webhook=lease.row.external_id)


def _name(lease: SubscriptionLease) -> str:
    return catalog.integration(lease.row.trigger.provider).name


def _confirm(lease: SubscriptionLease, refused: dict[str, Any] | None) -> bool:
    """Return whether a delivery signed with its secret has arrived; if not, request a test delivery again."""
    row = lease.row
    if row.secret is not None and row.secret.last_seen_at is not None:
        lease.write(confirmed_at=clock.now())
        replaced = row.trigger.subscriptions.filter(status=Subscription.Status.REPLACED)
        replaced.update(next_attempt_at=clock.now())
        return True
    if row.pings < 30_000:
        lease.write(pings=row.pings + 1)
    try:
        lease.ask(lambda subscriber, api: subscriber.ping(api, row.external_id))
    except ProviderError as error:
        if not error.retryable:
            raise
    _done(lease, backoff.delay(row.pings), refused)
    return False


def _tidy(lease: SubscriptionLease, *, keeps_others: bool) -> None:
    """Once the webhook works, and daily: remove the webhooks that we made and lost, and those that it replaces.

    keeps_others: those that people made stay, because this one does not deliver all types.
    """
    row, now = lease.row, clock.now()
    # A create request whose response was lost may take effect later: at first, search for it on every check.
    new = row.made_at is not None and now - row.made_at < _NEW_FOR
    if row.tidied_at is not None and not new and now - row.tidied_at < _TIDY_EVERY:
        return
    if row.trigger.subscriptions.filter(status=Subscription.Status.MAKING).exists():
        return  # what is being made at this moment is not lost

    def act(subscriber: Subscriber, api: Any) -> None:
        for some_id in create.tidied(lease, subscriber, api, unsure=False):
            if some_id in row.others and not keeps_others:
                subscriber.remove(api, some_id)
                why = "the trigger has one of its own"
                requests.record(_SYSTEM, row.trigger, requests.REMOVED, webhook=some_id, why=why)

    if row.others:
        deduplication.watch(row.trigger)
    lease.ask(act)
    lease.write(tidied_at=now, others=row.others if keeps_others else [])


def _make_anew(lease: SubscriptionLease) -> None:
    """Create another webhook for one that is gone at the provider, and recover what happened meanwhile."""
    row = lease.row
    with transaction.atomic():
        trigger = row.trigger
        trigger.lock()
        lease.release(
            status=Subscription.Status.REMOVED,
            ended_at=clock.now(),
            next_attempt_at=clock.now() + backfill.retries_for(trigger),
        )
        requests.record(_SYSTEM, trigger, requests.MISSING, webhook=row.external_id)
        if not trigger.subscriptions.filter(status=Subscription.Status.MAKING).exists():
            requests.begin(trigger, reach=row.reach, gap_since=_gap(row))


def _renew(lease: SubscriptionLease) -> None:
    """Replace a webhook whose secret was retired, since all its deliveries are refused."""
    row = lease.row
    with transaction.atomic():
        row.trigger.lock()
        if not row.trigger.subscriptions.filter(status__in=["making", "replaced"]).exists():
            requests.begin(row.trigger, reach=row.reach, gap_since=_gap(row))
        lease.done(again_in=_next_look())


def _gap(row: Subscription) -> datetime:
    """Return since when events may be missing: the last delivery, or the last good check if that is earlier.

    With some overlap, but nothing from before the first webhook was made.
    """
    if row.gap_since is not None:
        return row.gap_since
    trigger = row.trigger
    delivered = trigger.events.filter(is_test=False).exclude(source="recovered").order_by("-seq")
    last = delivered.values_list("received_at", flat=True).first()
    made = trigger.subscriptions.exclude(made_at=None).order_by("made_at")
    first = made.values_list("made_at", flat=True).first() or row.created_at
    well = row.well_at or first
    since: datetime = min(last or well, well) - _OVERLAP
    return max(since, first)


def _next_look() -> float:
    """Return seconds with jitter, so that the triggers of an account are not all checked together."""
    return _EVERY_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
