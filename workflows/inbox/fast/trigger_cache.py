"""A cache of triggers and their secrets, in memory for a minute. Nothing is stored on its word alone.

The statement that stores a delivery (workflows.inbox.fast.insert_sql) compares the cached preconditions with the rows:
if a secret was retired, or a trigger paused or deleted since, it stores nothing.
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
class CachedTrigger:
    """A trigger and what may sign for it.

    values: the secrets themselves, in the order of `secrets`. preconditions: for each, the values that the statement
    compares with the rows. until: monotonic seconds.
    """

    trigger: Trigger
    integration: Integration
    secrets: list[TriggerSecret]
    values: list[str]
    preconditions: list[list[Any]]
    until: float


_cached: dict[str, CachedTrigger] = {}
_lock = threading.Lock()


def find(provider: str, token: str) -> CachedTrigger | None:
    """Return the trigger; None if only the ordinary path can judge its deliveries. Raise django.db.Error."""
    found = at_hand(provider, token)
    if found is None:
        found = _look_up(provider, token)
        if found is not None:
            _keep(token, found)
    return found


def at_hand(provider: str, token: str) -> CachedTrigger | None:
    """Return what was looked up lately. Makes no query."""
    found = _cached.get(token)
    if found is None or found.until < time.monotonic():
        return None
    return found if found.integration.key == provider else None


def is_kept(token: str) -> bool:
    """Return whether it was looked up lately."""
    return token in _cached


def forget(token: str) -> None:
    """Drop a stale entry."""
    _cached.pop(token, None)


def _keep(token: str, found: CachedTrigger) -> None:
    with _lock:
        _cached.pop(token, None)
        while len(_cached) >= _MOST:
            _cached.pop(next(iter(_cached)), None)
        _cached[token] = found


def _look_up(provider: str, token: str) -> CachedTrigger | None:
    """Query trigger and active secrets. None for a trigger that this delivery confirms, or that is closed."""
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
    return CachedTrigger(
        trigger=trigger,
        integration=catalog.integration(provider),
        secrets=secrets,
        values=values,
        preconditions=[insert_sql.preconditions(trigger, secret) for secret in secrets],
        until=time.monotonic() + _KEPT_SECONDS,
    )


def _is_plain(trigger: Trigger) -> bool:
    """Return whether all that it acts on starts workflows, and none can be told twice."""
    closed = trigger.status == Trigger.Status.CLOSED
    by_itself = catalog.polled(trigger.key) or catalog.deadline_rule(trigger.key)
    return not (closed or by_itself or deduplication.watched(trigger))
