"""Holding: deliveries that came before their trigger's first secret, kept unread until it can judge them."""

from collections.abc import Iterable
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Length

from connections import retention_periods
from core.db import clock
from core.text.json_sanitize import storable_text
from workflows import catalog
from workflows.inbox import limits, signers, store
from workflows.inbox.store import Verdict
from workflows.models import HeldDelivery, Trigger, TriggerSecret

log = structlog.get_logger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=1)


def hold(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict | None:
    """Keep a delivery until a secret can judge it; bounded, because anybody may post to the URL.

    None: nothing was kept, because a secret has arrived meanwhile that can judge it now.
    """
    if not signature or not catalog.integration(trigger.provider).webhooks.looks_signed(signature):
        return Verdict.REFUSED
    with transaction.atomic():
        # So that the bound holds, and a secret that arrives at this moment either judges this delivery or is
        # seen by the look-up below.
        trigger.lock()
        if trigger.secrets.filter(retired_at__isnull=True).exists():
            return None
        if trigger.status == Trigger.Status.CLOSED or trigger.secrets.exists():
            return Verdict.REFUSED  # its last secret was retired: nothing is genuine until there is another
        if _is_full(trigger, len(body)):
            return Verdict.FULL
        HeldDelivery.objects.create(trigger=trigger, body=body, signature=storable_text(signature))
    return Verdict.HELD


def _is_full(trigger: Trigger, more: int) -> bool:
    held = trigger.held.aggregate(count=Count("id"), size=Sum(Length("body")))
    return held["count"] >= limits.MAX_HELD or (held["size"] or 0) + more > limits.MAX_HELD_BYTES


def forget_held() -> int:
    """Throw away what was held for a secret that never came. Return how many."""
    deleted, _ = HeldDelivery.objects.filter(
        received_at__lt=clock.now() - retention_periods.UNVERIFIED_DELIVERIES
    ).delete()
    return deleted


def release_late() -> int:
    """Judge what is held although a secret was known by then, however that came about. Return how many left.

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
    """Judge what was held, oldest first, with the secrets now known. Return how many met which verdict.

    Runs inside the transaction that stores the secret. A delivery that no secret signed stays held: the secret
    may have been mistyped.
    """
    known = list(secrets)
    verdicts: dict[str, int] = {}
    for delivery in held.order_by("id"):
        body = bytes(delivery.body)
        signed_by = signers.signer_of(trigger, known, body=body, signature=delivery.signature)
        verdict = Verdict.REFUSED
        if signed_by is not None:
            signers.saw_secret(signed_by)
            verdict = store.store(trigger, body=body, signed_by=signed_by)
            delivery.delete()
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    log.info("held_deliveries_judged", trigger=str(trigger.pk), verdicts=verdicts)
    return verdicts
