"""What is known about triggers, kept in memory for a moment. Nothing is taken on its word alone.

The statement that stores a delivery (workflows.intake.rows) holds what was believed here against the rows: a secret
that was retired, a trigger that was paused or deleted since, and it stores nothing.
"""

import threading
import time
from dataclasses import dataclass

from django.db.models import Q

from connections.encryption import Unreadable
from workflows import catalog, twins
from workflows.catalog import Integration
from workflows.models import Trigger, TriggerSecret

_KEPT_SECONDS = 60.0
_MOST = 2_000


@dataclass(frozen=True)
class Known:
    """A trigger, what may sign for it, and until when (monotonic seconds) this is worth trying.

    values: the secrets themselves, in the order of `secrets`.
    """

    trigger: Trigger
    integration: Integration
    secrets: list[TriggerSecret]
    values: list[str]
    until: float


_known: dict[str, Known] = {}
_lock = threading.Lock()


def find(provider: str, token: str) -> Known | None:
    """None for what only the ordinary way can judge. Raises django.db.Error."""
    known = _known.get(token)
    if known is None or known.until < time.monotonic():
        known = _look_up(provider, token)
        if known is not None:
            _keep(token, known)
    return known if known is not None and known.trigger.provider == provider else None


def forget(token: str) -> None:
    """It was not as it was believed to be."""
    _known.pop(token, None)


def _keep(token: str, known: Known) -> None:
    with _lock:
        _known.pop(token, None)
        while len(_known) >= _MOST:
            _known.pop(next(iter(_known)))
        _known[token] = known


def _look_up(provider: str, token: str) -> Known | None:
    """Its trigger and active secrets, in one query."""
    usable = Q(trigger__deleted_at__isnull=True, trigger__confirmed_at__isnull=False) & ~Q(
        trigger__status=Trigger.Status.CLOSED
    )
    active = TriggerSecret.objects.filter(usable, trigger__token=token, retired_at__isnull=True)
    secrets = list(active.select_related("trigger").order_by("created_at", "id"))
    if not secrets:
        return None
    trigger = secrets[0].trigger
    if trigger.provider != provider or catalog.polled(trigger.key) or twins.watched(trigger):
        return None
    try:
        values = [secret.value() for secret in secrets]
    except Unreadable:
        return None
    return Known(
        trigger=trigger,
        integration=catalog.integration(provider),
        secrets=secrets,
        values=values,
        until=time.monotonic() + _KEPT_SECONDS,
    )
