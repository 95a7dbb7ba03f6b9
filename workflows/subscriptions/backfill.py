"""Backfill: read undelivered changes from the provider and store them in the inbox as events.

The same change has the same event id each time, so a repeated backfill stores nothing twice. A change that was
delivered, or is delivered late, is detected as a duplicate (workflows.inbox.deduplication).
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connections.tenancy.actor import Actor
from core.db import clock
from workflows import catalog
from workflows.catalog import Missed
from workflows.inbox import deduplication, store
from workflows.inbox.store import Recovered, Verdict
from workflows.models import Trigger
from workflows.subscriptions import requests
from workflows.subscriptions.lease import SubscriptionLease

_SYSTEM = Actor.system()
# A delivery may have been stored a little before the provider says that the change happened: clocks differ.
_SKEW = timedelta(hours=1)
_RENEW_EVERY = 20


def retries_for(trigger: Trigger) -> timedelta:
    """Return how long the provider may retry a delivery."""
    subscriber = catalog.integration(trigger.provider).subscriber
    return subscriber.retries_for if subscriber else timedelta()


def recover(lease: SubscriptionLease) -> None:
    """Read the changes since `gap_since`, store the undelivered ones, and record what could not be found."""
    row, trigger, until = lease.row, lease.row.trigger, clock.now()
    since = row.gap_since or until
    deduplication.watch(trigger)

    def missed(subscriber: catalog.Subscriber, api: Any) -> Missed:
        from_ = max(since, until - subscriber.most_missed)
        events = frozenset(requests.events_of(trigger))
        found = subscriber.missed(api, events, requests.reach_of(row), from_, until)
        if from_ == since:
            return found
        words = f"Nothing from before {from_:%-d %b %Y, %H:%M} UTC was looked for. {found.words}"
        return Missed(found.changes, words.strip())

    found = lease.ask(missed)
    stored = _store(lease, found, since)
    summary = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "found": len(found.changes),
        "stored": stored,
        "words": found.words[:1000],
    }
    with transaction.atomic():
        lease.write(gap_since=None, recovered=summary)
        requests.record(_SYSTEM, trigger, requests.RECOVERED, **summary)


def _store(lease: SubscriptionLease, found: Missed, since: datetime) -> int:
    """Store each change in its own transaction: after a crash the next turn stores the rest. Return how many."""
    stored = 0
    for number, change in enumerate(found.changes):
        if number % _RENEW_EVERY == 0:
            lease.keep()
        told = Recovered(change.happened_at, min(since, change.happened_at) - _SKEW)
        verdict = store.store(lease.row.trigger, body=change.body, recovered=told)
        stored += verdict != Verdict.DUPLICATE
    return stored
