"""Signers: which of a trigger's secrets signed a delivery, and when each last did."""

from datetime import timedelta

from core.db import clock
from workflows import catalog
from workflows.models import Trigger, TriggerSecret

_LAST_SEEN_GRAIN = timedelta(minutes=1)


def signer_of(
    trigger: Trigger, secrets: list[TriggerSecret], *, body: bytes, signature: str | None
) -> TriggerSecret | None:
    """The secret of these that signed it; None where none of them did. Raises Unreadable."""
    verify = catalog.integration(trigger.provider).verify
    index = verify(body, signature, [secret.value() for secret in secrets])
    return None if index is None else secrets[index]


def is_to_be_shown(secret: TriggerSecret) -> bool:
    """Return whether `saw_secret` would write."""
    return secret.last_seen_at is None or clock.now() - secret.last_seen_at > _LAST_SEEN_GRAIN


def saw_secret(secret: TriggerSecret) -> None:
    """Show when a secret last signed, written at most once a minute."""
    if is_to_be_shown(secret):
        secret.last_seen_at = clock.now()
        TriggerSecret.objects.filter(pk=secret.pk).update(last_seen_at=secret.last_seen_at)
