"""The inbox: judges a delivery and stores it before anybody answers the provider."""

import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from workflows import catalog, doorbell, metrics, redaction, turned_away, twins
from workflows.catalog import Delivery
from workflows.hooks import outbox
from workflows.models import Event, HeldDelivery, Trigger, TriggerSecret

log = structlog.get_logger(__name__)

MAX_BODY = 256 * 1024
MAX_HELD = 500
MAX_HELD_BYTES = 16 * 1024 * 1024
HELD_FOR = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(minutes=1)
_SETTLES_IN = timedelta(seconds=3)
_LONGEST_SIGNATURE = 4096
_LAST_SEEN_GRAIN = timedelta(minutes=1)


class Verdict(enum.StrEnum):
    """What became of a delivery; the first five mean that it is stored."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    HELD = "held"
    REFUSED = "refused"
    FULL = "full"


STORED = {
    Event.Status.QUEUED: Verdict.ACCEPTED,
    Event.Status.IGNORED: Verdict.IGNORED,
    Event.Status.FILTERED: Verdict.FILTERED,
}


def find_trigger(provider: str, token: str) -> Trigger | None:
    """The trigger behind an incoming URL; None for any URL that is not, or no longer, one of ours."""
    trigger = Trigger.objects.filter(token=token, deleted_at__isnull=True).first()
    return trigger if trigger and trigger.provider == provider and not catalog.polled(trigger.key) else None


def receive(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict:
    """Judge one delivery by its raw body and signature header, and store it if it is genuine.

    Refused ones are counted when somebody seems to have meant to sign them; noise leaves no trace.
    """
    verdict = _judge(trigger, body=body, signature=signature)
    metrics.DELIVERIES.labels(verdict).inc()
    looks_signed = catalog.integration(trigger.provider).webhooks.looks_signed
    if verdict == Verdict.DUPLICATE or (verdict == Verdict.REFUSED and looks_signed(signature)):
        turned_away.count(trigger, verdict)
    return verdict


def _judge(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict:
    secrets = list(trigger.secrets.filter(retired_at__isnull=True))
    if not secrets:
        return _hold(trigger, body=body, signature=signature)
    signed_by = _signer(trigger, secrets, body=body, signature=signature)
    if signed_by is None:
        return Verdict.REFUSED
    saw_secret(signed_by)
    if trigger.status == Trigger.Status.CLOSED:  # genuine, and nobody listens any more
        return Verdict.IGNORED
    return store(trigger, body=body, signed_by=signed_by)


def _signer(
    trigger: Trigger, secrets: list[TriggerSecret], *, body: bytes, signature: str | None
) -> TriggerSecret | None:
    verify = catalog.integration(trigger.provider).verify
    index = verify(body, signature, [secret.value() for secret in secrets])
    return None if index is None else secrets[index]


def saw_secret(secret: TriggerSecret) -> None:
    """Show when a secret last signed, written at most once a minute."""
    now = timezone.now()
    if secret.last_seen_at is None or now - secret.last_seen_at > _LAST_SEEN_GRAIN:
        secret.last_seen_at = now
        TriggerSecret.objects.filter(pk=secret.pk).update(last_seen_at=now)


@dataclass(frozen=True)
class Judged:
    """What of a genuine delivery is stored: which body, in which state, and why if it was filtered."""

    body: bytes
    status: Event.Status
    why: str = ""


def judged(trigger: Trigger, delivery: Delivery, *, body: bytes, is_test: bool = False) -> Judged:
    """Queued where the trigger fires on it, ignored or filtered otherwise.

    The fields that this trigger never stores are taken out; its options judge what was sent. A test is let through,
    because it is there to be seen.
    """
    trigger_type = catalog.find_trigger(trigger.key)
    stored = redaction.redacted(body, trigger.redact) if trigger.redact else body
    if (
        trigger.status != Trigger.Status.ACTIVE
        or trigger_type is None
        or delivery.event_type not in trigger_type.listens_to(trigger.options)
    ):
        return Judged(stored, Event.Status.IGNORED)
    why = ""
    if trigger.options and not is_test:
        why = trigger_type.wants(trigger.options, _parsed(body), _parsed(stored))
    return Judged(stored, Event.Status.FILTERED if why else Event.Status.QUEUED, storable(why, 300))


def event_of(trigger: Trigger, *, body: bytes, is_test: bool, delivery: Delivery | None = None) -> Event:
    """The event of a delivery, to be saved.

    What identifies it is read from what was sent, before anything is taken out. delivery: what was read, where somebody
    has done so already.
    """
    delivery = delivery or catalog.integration(trigger.provider).read_delivery(body)
    verdict = judged(trigger, delivery, body=body, is_test=is_test)
    return Event(
        workspace_id=trigger.workspace_id,
        trigger=trigger,
        external_id=storable(delivery.external_id, 200),
        event_type=storable(delivery.event_type, 120),
        lane=storable(delivery.lane, 200),
        body=verdict.body,
        is_test=is_test,
        status=verdict.status,
        error=verdict.why,
    )


def _parsed(body: bytes) -> Any:
    """The JSON in it; None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class Recovered:
    """Of what was not delivered: when it happened, and since when deliveries of it are looked for."""

    happened_at: datetime
    since: datetime


def store(
    trigger: Trigger,
    *,
    body: bytes,
    is_test: bool = False,
    signed_by: TriggerSecret | None = None,
    recovered: Recovered | None = None,
) -> Verdict:
    """Keep one genuine delivery and, if the trigger fires on it, ring the doorbell, in one transaction.

    recovered: nobody delivered it, it was read from the provider afterwards.
    """
    delivery = catalog.integration(trigger.provider).read_delivery(body)
    event = event_of(trigger, body=body, is_test=is_test, delivery=delivery)
    fires = event.status == Event.Status.QUEUED
    watching = signed_by is not None and twins.watched(trigger)
    if watching and signed_by is not None:
        event.source = signed_by.pk.hex
    if recovered is not None:
        event.source, event.happened_at = Event.RECOVERED, recovered.happened_at
    try:
        with transaction.atomic():
            if watching or recovered is not None:
                trigger.lock()
            if watching and twins.is_told(trigger, event, delivery):
                return Verdict.DUPLICATE
            if recovered is not None and twins.is_delivered(trigger, event, delivery, recovered.since):
                return Verdict.DUPLICATE
            event.save(force_insert=True)
            if trigger.confirmed_at is None and not is_test and recovered is None:
                Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
            if fires:
                outbox.owe_event(event)
                doorbell.ring()
    except IntegrityError:
        if Event.objects.filter(trigger=trigger, external_id=event.external_id).exists():
            return Verdict.DUPLICATE
        raise
    return STORED[Event.Status(event.status)]


def storable(text: str, limit: int) -> str:
    """`text` as both databases can keep it: no NUL, no lone surrogates, no longer than the column."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:limit]


def _hold(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict:
    """Keep a delivery until a secret can judge it; bounded, because anybody may post to the URL."""
    if not signature or len(signature) > _LONGEST_SIGNATURE:
        return Verdict.REFUSED
    with transaction.atomic():
        # So that the bound holds, and a secret that arrives at this moment either judges this delivery or is
        # seen by the look-up below.
        trigger.lock()
        if trigger.secrets.filter(retired_at__isnull=True).exists():
            late = True
        elif trigger.status == Trigger.Status.CLOSED or trigger.secrets.exists():
            return Verdict.REFUSED  # its last secret was retired: nothing is genuine until there is another
        elif _is_full(trigger, len(body)):
            return Verdict.FULL
        else:
            late = False
            HeldDelivery.objects.create(trigger=trigger, body=body, signature=storable(signature, 4096))
    return _judge(trigger, body=body, signature=signature) if late else Verdict.HELD


def _is_full(trigger: Trigger, more: int) -> bool:
    held = trigger.held.aggregate(count=Count("id"), size=Sum(Length("body")))
    return held["count"] >= MAX_HELD or (held["size"] or 0) + more > MAX_HELD_BYTES


def forget_held() -> int:
    """Throw away what was held for a secret that never came. Answers how many."""
    deleted, _ = HeldDelivery.objects.filter(received_at__lt=timezone.now() - HELD_FOR).delete()
    return deleted


def settled(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those of `events` before which no other can appear any more, for whoever follows along by `seq`.

    On PostgreSQL a number is taken before the commit, so a later one may be seen first; rows of the last
    moments, and all behind them, are left for the next look. SQLite has one writer at a time.
    """
    if connection.vendor == "sqlite":
        return events
    fresh = events.filter(received_at__gt=timezone.now() - _SETTLES_IN).order_by("seq")
    first: int | None = fresh.values_list("seq", flat=True).first()
    return events if first is None else events.filter(seq__lt=first)


def release_late() -> int:
    """Judge what is held although a secret was known by then, however that came about. Answers how many left.

    What came a good while before its secret was judged with it and is, if still there, not signed by it.
    """
    known = TriggerSecret.objects.filter(
        trigger=OuterRef("trigger"),
        retired_at__isnull=True,
        created_at__lt=OuterRef("received_at") + _CLOCKS_DIFFER,
    )
    late, released = HeldDelivery.objects.filter(Exists(known)), 0
    for trigger in Trigger.objects.filter(pk__in=late.values("trigger")):
        try:
            verdicts = _judge_late(trigger, late.filter(trigger=trigger))
        except Exception:
            log.exception("late_deliveries_not_judged", trigger=str(trigger.pk))  # the others have their turn
        else:
            released += sum(verdicts.values()) - verdicts.get(Verdict.REFUSED, 0)
    return released


@transaction.atomic
def _judge_late(trigger: Trigger, late: QuerySet[HeldDelivery]) -> dict[str, int]:
    trigger.lock()
    return judge_held(trigger, secrets=trigger.secrets.filter(retired_at__isnull=True), held=late)


def judge_held(
    trigger: Trigger, *, secrets: Iterable[TriggerSecret], held: QuerySet[HeldDelivery]
) -> dict[str, int]:
    """Judge what was held, oldest first, with the secrets now known. Answers how many met which verdict.

    Runs inside the transaction that stores the secret. A delivery that no secret signed stays held: the secret
    may have been mistyped.
    """
    known = list(secrets)
    verdicts: dict[str, int] = {}
    for delivery in held.order_by("id"):
        body = bytes(delivery.body)
        signed_by = _signer(trigger, known, body=body, signature=delivery.signature)
        verdict = Verdict.REFUSED
        if signed_by is not None:
            saw_secret(signed_by)
            verdict = store(trigger, body=body, signed_by=signed_by)
            delivery.delete()
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    log.info("held_deliveries_judged", trigger=str(trigger.pk), verdicts=verdicts)
    return verdicts
