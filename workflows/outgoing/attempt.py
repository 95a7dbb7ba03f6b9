"""One delivery: claimed, sent, and its end written down: delivered, tried again later, or dead."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import SimpleQueue

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Q

from core.crypto import Unreadable
from core.db import clock
from workflows.models import Hook, HookDelivery, HookSecret
from workflows.notifications import facts
from workflows.outgoing import payloads, schedule, signing
from workflows.outgoing.log import words_of
from workflows.outgoing.transport.http import Exchange, Outcome

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
_KEPT_TRIES = 20
# A hook that keeps its sender waiting, and fails, waits in turn: it gets at most a fifth of a sender's time.
_SLOW_SECONDS = 1.0
_HELD_TIMES = 4
_RESTED = timedelta(minutes=10)
Status = HookDelivery.Status


@dataclass
class Claim:
    """A delivery that this sender may try now."""

    delivery: HookDelivery
    holder: uuid.UUID
    at: datetime


def claim(delivery: HookDelivery) -> Claim | None:
    """Take it up for one attempt, which counts from here on. None when another sender has it or it is not owed."""
    holder, now = uuid.uuid4(), clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    row = HookDelivery.objects.filter(
        free, pk=delivery.pk, status=Status.WAITING, attempts=delivery.attempts, hook__status="active"
    )
    first = delivery.first_tried_at or now
    taken = row.update(
        attempts=delivery.attempts + 1,
        first_tried_at=first,
        tried_at=now,
        lease_holder=holder,
        lease_until=now + LEASE,
    )
    if not taken:
        return None
    crashed = delivery.lease_until is not None
    delivery.attempts += 1
    delivery.first_tried_at = first
    claimed = Claim(delivery, holder, now)
    if crashed and delivery.attempts > schedule.MAX_ATTEMPTS:
        settle(claimed, Outcome(None, "crashed", 0.0))
        return None
    return claimed


def begin(claimed: Claim, landed: "SimpleQueue[Exchange]") -> Exchange | None:
    """Start sending it. None when it could not even be written; that is settled then."""
    delivery = claimed.delivery
    try:
        body = payloads.body_of(delivery)
        known = [secret.value() for secret in usable_secrets(delivery.hook, claimed.at)]
    except ObjectDoesNotExist:
        settle(claimed, Outcome(None, "content_gone", 0.0))
        return None
    except Unreadable:
        settle(claimed, Outcome(None, "unreadable_secret", 0.0))
        return None
    headers = signing.headers(str(delivery.id), body, known, claimed.at)
    exchange = Exchange(delivery.hook.url, headers, body.encode(), landed)
    exchange.start()
    return exchange


def usable_secrets(hook: Hook, now: datetime) -> list[HookSecret]:
    """The newest secret first, then the one before while a rotation lasts."""
    return list(hook.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))[:2])


def settle(claimed: Claim, outcome: Outcome) -> None:
    """Write down how the attempt ended, if the delivery is still this sender's."""
    delivery, now = claimed.delivery, clock.now()
    entry = {
        "at": claimed.at.isoformat(),
        "status": outcome.status,
        "error": outcome.error,
        "ms": round(outcome.seconds * 1000),
    }
    fields = _after(delivery, outcome, now)
    fields |= {"tries": [*delivery.tries, entry][-_KEPT_TRIES:], "lease_holder": None, "lease_until": None}
    with transaction.atomic():
        # The hook before its deliveries, in which order it is also deleted: else the two wait for each other.
        Hook.objects.select_for_update().filter(pk=delivery.hook_id).first()
        ours = HookDelivery.objects.filter(pk=delivery.pk, lease_holder=claimed.holder, status=Status.WAITING)
        if not ours.update(**fields):
            log.warning("hook_delivery_taken_over", delivery=str(delivery.id))
            return
        _note(delivery, outcome, now, fields.get("next_attempt_at"))
        if fields.get("status") == Status.DEAD and delivery.kind != HookDelivery.Kind.TEST:
            facts.delivery_dead(delivery, words_of(entry))
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
    wait = schedule.wait_after(delivery.attempts, now - (delivery.first_tried_at or now))
    if outcome.error == "gone" and delivery.kind != HookDelivery.Kind.TEST:
        return {"next_attempt_at": now}  # kept until the hook, which is paused now, is resumed
    if wait is None or delivery.kind == HookDelivery.Kind.TEST or outcome.error == "content_gone":
        return {"status": Status.DEAD, "next_attempt_at": None, "finished_at": now}
    return {"next_attempt_at": now + max(wait, timedelta(seconds=outcome.retry_after))}


def _note(delivery: HookDelivery, outcome: Outcome, now: datetime, again: object) -> None:
    """What the attempt means for the hook and for what else it is owed."""
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
