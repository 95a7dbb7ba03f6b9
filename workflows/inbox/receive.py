"""The inbox: find the trigger of a delivery, verify the delivery and store it before the 2xx response."""

from workflows import catalog
from workflows.inbox import rejections, signers, store, unverified
from workflows.inbox.store import Verdict
from workflows.models import Trigger
from workflows.queue import metrics


def find_trigger(provider: str, token: str) -> Trigger | None:
    """Return the trigger of an incoming URL; None if no trigger has this URL, or its trigger was deleted."""
    trigger = Trigger.objects.filter(token=token, deleted_at__isnull=True).first()
    return trigger if trigger and trigger.provider == provider and not catalog.polled(trigger.key) else None


def receive(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict:
    """Verify one delivery by its raw body and signature header, and store it if it is genuine.

    A refused delivery is counted only if its header looks like a signature; noise leaves no trace.
    """
    verdict = _judge(trigger, body=body, signature=signature)
    metrics.DELIVERIES.labels(verdict).inc()
    looks_signed = catalog.integration(trigger.provider).webhooks.looks_signed
    if verdict == Verdict.DUPLICATE or (verdict == Verdict.REFUSED and looks_signed(signature)):
        rejections.count(trigger, verdict)
    return verdict


def _judge(trigger: Trigger, *, body: bytes, signature: str | None) -> Verdict:
    secrets = list(trigger.secrets.filter(retired_at__isnull=True))
    if not secrets:
        held = unverified.hold(trigger, body=body, signature=signature)
        return _judge(trigger, body=body, signature=signature) if held is None else held
    signed_by = signers.signer_of(trigger, secrets, body=body, signature=signature)
    if signed_by is None:
        return Verdict.REFUSED
    signers.saw_secret(signed_by)
    if trigger.status == Trigger.Status.CLOSED:  # genuine, but the connection was revoked
        return Verdict.IGNORED
    return store.store(trigger, body=body, signed_by=signed_by)
