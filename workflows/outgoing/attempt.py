"""One delivery: claimed, sent, and its end written down: delivered, tried again later, or dead."""

from datetime import datetime, timedelta
from queue import SimpleQueue

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Q

from core.crypto import Unreadable
from core.db import clock
from core.db.leases import LONGEST_WAIT, Lease, LeaseLost
from workflows.models import Hook, HookDelivery, HookSecret
from workflows.notifications import facts
from workflows.outgoing import payloads, retry_schedule, signing
from workflows.outgoing.log import words_of
from workflows.outgoing.transport.http import Exchange, Outcome

log = structlog.get_logger(__name__)

_KEPT_TRIES = 20
# A hook that keeps its sender waiting, and fails, waits in turn: it gets at most a fifth of a sender's time.
_SLOW_SECONDS = 1.0
_HELD_TIMES = 4
_RESTED = timedelta(minutes=10)
Status = HookDelivery.Status


class MessageLease(Lease[HookDelivery]):
    """A message that this sender may send now. at: when it was claimed."""

    length = LONGEST_WAIT
    at: datetime


def claim(delivery: HookDelivery) -> MessageLease | None:
    """Claim a waiting message for one attempt. Return None if another sender has it or its hook is not active."""
    crashed, now = delivery.lease_until is not None, clock.now()
    active = Q(hook__status=Hook.Status.ACTIVE)
    first = delivery.first_tried_at or now
    lease = MessageLease.claim(delivery, active, first_tried_at=first, tried_at=now)
    if lease is None:
        return None
    lease.at = now
    if crashed and delivery.attempts > retry_schedule.MAX_ATTEMPTS:
        settle(lease, Outcome(None, "crashed", 0.0))
        return None
    return lease


def begin(lease: MessageLease, landed: "SimpleQueue[Exchange]") -> Exchange | None:
    """Start sending it. None when it could not even be written; that is settled then."""
    delivery = lease.row
    try:
        body = payloads.body_of(delivery)
        known = [secret.value() for secret in usable_secrets(delivery.hook, lease.at)]
    except ObjectDoesNotExist:
        settle(lease, Outcome(None, "content_gone", 0.0))
        return None
    except Unreadable:
        settle(lease, Outcome(None, "unreadable_secret", 0.0))
        return None
    headers = signing.headers(str(delivery.id), body, known, lease.at)
    exchange = Exchange(delivery.hook.url, headers, body.encode(), landed)
    exchange.start()
    return exchange


def usable_secrets(hook: Hook, now: datetime) -> list[HookSecret]:
    """The newest secret first, then the one before while a rotation lasts."""
    return list(hook.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))[:2])


def settle(lease: MessageLease, outcome: Outcome) -> None:
    """Write down how the attempt ended, if the delivery is still this sender's."""
    delivery, now = lease.row, clock.now()
    entry = {
        "at": lease.at.isoformat(),
        "status": outcome.status,
        "error": outcome.error,
        "ms": round(outcome.seconds * 1000),
    }
    fields = _after(delivery, outcome, now)
    fields |= {"tries": [*delivery.tries, entry][-_KEPT_TRIES:]}
    try:
        with transaction.atomic():
            # The hook before its deliveries, in which order it is also deleted: else the two wait for each other.
            Hook.objects.select_for_update().filter(pk=delivery.hook_id).first()
            lease.release(**fields)
            _note(delivery, outcome, now, fields.get("next_attempt_at"))
            if fields.get("status") == Status.DEAD and delivery.kind != HookDelivery.Kind.TEST:
                facts.delivery_dead(delivery, words_of(entry))
    except LeaseLost:
        log.warning("hook_delivery_taken_over", delivery=str(delivery.id))
        return
    log.info(
        "hook_tried",
        hook=str(delivery.hook_id),
        host=delivery.hook.host,
        delivery=str(delivery.id),
        attempt=delivery.attempts,
        became=fields.get("status", Status.WAITING),
        status=outcome.status,
        error=outcome.error,
    )


def _after(delivery: HookDelivery, outcome: Outcome, now: datetime) -> dict[str, object]:
    if outcome.ok:
        return {"status": Status.DELIVERED, "next_attempt_at": None, "finished_at": now}
    wait = retry_schedule.wait_after(delivery.attempts, now - (delivery.first_tried_at or now))
    if outcome.error == "gone" and delivery.kind != HookDelivery.Kind.TEST:
        return {"next_attempt_at": now}  # kept until the hook, which is paused now, is resumed
    if wait is None or delivery.kind == HookDelivery.Kind.TEST or outcome.error == "content_gone":
        return {"status": Status.DEAD, "next_attempt_at": None, "finished_at": now}
    return {"next_attempt_at": now + max(wait, timedelta(seconds=outcome.retry_after))}


def _note(delivery: HookDelivery, outcome: Outcome, now: datetime, again: object) -> None:
    """Apply the attempt's outcome to the endpoint and its other deliveries."""
    hook = Hook.objects.filter(pk=delivery.hook_id)
    owed = HookDelivery.objects.filter(hook=delivery.hook_id, status=Status.WAITING)
    if outcome.ok:
        if hook.exclude(failing_since__isnull=True).update(failing_since=None, held_until=None):
            # It is well again: what waits for its next attempt need not wait any longer. What failed just now may
            # have failed for itself, and is not tried at every success of another.
            rested = Q(tried_at__isnull=True) | Q(tried_at__lt=now - _RESTED)
            owed.filter(rested, next_attempt_at__gt=now).update(next_attempt_at=now)
        return
    hook.filter(failing_since__isnull=True).update(failing_since=now)
    if outcome.error == "gone":
        paused = {"status": Hook.Status.PAUSED, "pause_reason": Hook.PauseReason.GONE}
        if hook.filter(status=Hook.Status.ACTIVE).update(**paused):
            facts.hook_paused(
                delivery.hook, "The endpoint returned 410 Gone. Update its URL, then resume it."
            )
    slow = _HELD_TIMES * outcome.seconds if outcome.seconds > _SLOW_SECONDS else 0.0
    if hold := max(slow, outcome.retry_after):
        hook.update(held_until=now + timedelta(seconds=hold))
    if again is not None:
        # Those behind it in its lane cannot go before it; saying so on them keeps them out of every look.
        owed.filter(lane=delivery.lane, seq__gt=delivery.seq).update(next_attempt_at=again)
