"""The fast path of one delivery: cached trigger, signature, storage; None for the ordinary path (inbox.receive)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction

from core.db import lending, tenant_scope
from workflows.inbox import signers, store
from workflows.inbox.fast import insert_sql, postgresql, sqlite, trigger_cache
from workflows.inbox.fast.group_commit import GROUP_COMMIT
from workflows.inbox.store import Verdict
from workflows.models import TriggerSecret
from workflows.queue import metrics, wakeup

log = structlog.get_logger(__name__)

# Bytes to go through without a thread; all else in the process waits meanwhile.
_SHORT_BYTES = 16 * 1024


class _Ready(NamedTuple):
    """A genuine delivery, as it is to be stored."""

    parameters: insert_sql.Parameters
    secret: TriggerSecret
    verdict: Verdict


@tenant_scope.unscoped()
def take(provider: str, token: str, *, body: bytes, signature: str | None) -> Verdict | None:
    """Verify and store a delivery. Never raise on a database error.

    Return None if nothing was stored; the ordinary path then decides why.
    """
    try:
        found = trigger_cache.find(provider, token)
        ready = _judge(token, found, body, signature)
        stored = ready is not None and _store(ready.parameters)
    except Error as error:
        _failed(token, error)
        if not connection.in_atomic_block:
            connection.close()
        return None
    if ready is None:
        return None
    if stored:
        _show(ready.secret)
    return _verdict(token, ready, stored=stored)


def _show(secret: TriggerSecret) -> None:
    """Show when the secret last signed. The delivery is committed by now, so a failure must not change its answer."""
    try:
        signers.saw_secret(secret)
    except Error as error:
        log.warning("last_use_of_secret_not_shown", error=type(error).__name__)
        if not connection.in_atomic_block:
            connection.close()


def begin(
    provider: str,
    token: str,
    *,
    body: bytes,
    signature: str | None,
    then: Callable[[Verdict | None], None],
) -> bool:
    """Verify a delivery of a cached trigger without a query, and hand it to the writer thread.

    Return False if nothing was begun. Otherwise `then` is called once, in the writer's thread, with the verdict that
    `take` would return.
    """
    found = trigger_cache.at_hand(provider, token)
    if found is None or GROUP_COMMIT.is_full() or _takes_long(found, body):
        return False
    ready = _judge(token, found, body, signature)
    if ready is None or signers.is_to_be_shown(ready.secret):
        return False

    def told(stored: bool, error: Exception | None) -> None:
        if error is not None:
            _failed(token, error)
            then(None)
        else:
            then(_verdict(token, ready, stored=stored))

    GROUP_COMMIT.hand_in(ready.parameters, told)
    return True


def _takes_long(found: trigger_cache.CachedTrigger, body: bytes) -> bool:
    """Return whether judging would keep the caller's event loop busy: each redacted path goes through the body."""
    return len(body) * max(1, len(found.trigger.redact)) > _SHORT_BYTES


def _judge(
    token: str, found: trigger_cache.CachedTrigger | None, body: bytes, signature: str | None
) -> _Ready | None:
    if found is None:
        return None
    index = found.integration.verify(body, signature, found.values)
    if index is None:
        trigger_cache.forget(token)
        return None
    delivery = found.integration.read_delivery(body)
    judged = store.judged(found.trigger, delivery, body=body)
    parameters = insert_sql.parameters(delivery, judged, found.preconditions[index])
    return _Ready(parameters, found.secrets[index], store.STORED[judged.status])


def _verdict(token: str, ready: _Ready, *, stored: bool) -> Verdict | None:
    if not stored:
        trigger_cache.forget(token)
        return None
    metrics.DELIVERIES.labels(ready.verdict).inc()
    return ready.verdict


def _failed(token: str, error: Exception) -> None:
    log.warning("fast_path_failed", error=type(error).__name__)
    trigger_cache.forget(token)


def _store(parameters: insert_sql.Parameters) -> bool:
    """Return whether it was stored, committed; in a caller's transaction event and wake-up commit with that."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if not database.in_atomic_block:
        lending.give_back()  # the thread that commits has its own
        return GROUP_COMMIT.store(parameters)
    with transaction.atomic():
        if database.vendor == "sqlite":
            return sqlite.write(database.connection, [parameters])[0]
        (stored,), fires, owed = postgresql.write([parameters])
        if fires:
            wakeup.wake_workers()
        if owed:
            wakeup.wake_sender()
        return stored
