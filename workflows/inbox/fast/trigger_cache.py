"""What is known about triggers, kept in memory for a moment. Nothing is stored on its word alone.

The statement that stores a delivery (workflows.inbox.fast.insert_sql) holds what was believed here against the rows:
where a secret was retired, or a trigger paused or deleted since, it stores nothing.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from core.crypto import Unreadable
from workflows import catalog
from workflows.catalog import Integration
from workflows.inbox import deduplication
from workflows.inbox.fast import insert_sql
from workflows.models import Trigger, TriggerSecret

_KEPT_SECONDS = 60.0
_MOST = 2_000


@dataclass(frozen=True)
class Known:
    """A trigger and what may sign for it.

    values: the secrets themselves, in the order of `secrets`. beliefs: for each, what the statement holds against the
    rows. until: monotonic seconds.
    """

    trigger: Trigger
    integration: Integration
    secrets: list[TriggerSecret]
    values: list[str]
    beliefs: list[list[Any]]
    until: float


_known: dict[str, Known] = {}
_lock = threading.Lock()


def find(provider: str, token: str) -> Known | None:
    """None for what only the ordinary way can judge. Raises django.db.Error."""
    known = at_hand(provider, token)
    if known is None:
        known = _look_up(provider, token)
        if known is not None:
            _keep(token, known)
    return known


def at_hand(provider: str, token: str) -> Known | None:
    """What was looked up lately; asks nothing."""
    known = _known.get(token)
    if known is None or known.until < time.monotonic():
        return None
    return known if known.integration.key == provider else None


def is_kept(token: str) -> bool:
    """Whether it was looked up lately."""
    return token in _known


def forget(token: str) -> None:
    """It was not as it was believed to be."""
    _known.pop(token, None)


def _keep(token: str, known: Known) -> None:
    with _lock:
        _known.pop(token, None)
        while len(_known) >= _MOST:
            _known.pop(next(iter(_known)), None)
        _known[token] = known


def _look_up(provider: str, token: str) -> Known | None:
    """Its trigger and active secrets, in one query. What is confirmed by this delivery, or closed, is not ours."""
    set_up = Q(trigger__deleted_at__isnull=True, trigger__confirmed_at__isnull=False)
    active = TriggerSecret.objects.filter(set_up, trigger__token=token, retired_at__isnull=True)
    secrets = list(active.select_related("trigger").order_by("created_at", "id"))
    trigger = secrets[0].trigger if secrets else None
    if trigger is None or trigger.provider != provider or not _is_plain(trigger):
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
        beliefs=[insert_sql.beliefs(trigger, secret) for secret in secrets],
        until=time.monotonic() + _KEPT_SECONDS,
    )


def _is_plain(trigger: Trigger) -> bool:
    closed = trigger.status == Trigger.Status.CLOSED
    return not (closed or catalog.polled(trigger.key) or deduplication.watched(trigger))
