"""One delivery on the straight way: known, signed, stored, or None for the ordinary way (workflows.inbox)."""

from typing import Any

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from connections import quick_rows
from workflows import doorbell, metrics, signers, storing
from workflows.intake import known, ringing, rows, together
from workflows.intake.together import TOGETHER
from workflows.models import Event
from workflows.storing import Verdict

log = structlog.get_logger(__name__)


def take(provider: str, token: str, *, body: bytes, signature: str | None) -> Verdict | None:
    """Judge and store a delivery. None: nothing was stored, and the ordinary way has to say why. Never raises for
    what the database says.
    """
    try:
        return _take(provider, token, body, signature)
    except Error as error:
        log.warning("straight_way_failed", error=type(error).__name__)
        known.forget(token)
        if not connection.in_atomic_block:
            connection.close()
        return None


def _take(provider: str, token: str, body: bytes, signature: str | None) -> Verdict | None:
    found = known.find(provider, token)
    if found is None:
        return None
    index = found.integration.verify(body, signature, found.values)
    if index is None:
        known.forget(token)
        return None
    delivery = found.integration.read_delivery(body)
    judged = storing.judged(found.trigger, delivery, body=body)
    fires = judged.status == Event.Status.QUEUED
    if not _store(rows.parameters(delivery, judged, found.beliefs[index]), fires=fires):
        known.forget(token)
        return None
    signers.saw_secret(found.secrets[index])
    verdict = storing.STORED[judged.status]
    metrics.DELIVERIES.labels(verdict).inc()
    return verdict


def _store(parameters: rows.Parameters, *, fires: bool) -> bool:
    """Whether it was stored, for good."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        return _store_within(database, parameters, fires=fires)
    if database.vendor == "sqlite":
        return TOGETHER.store(parameters)
    database.close_if_unusable_or_obsolete()
    # Not asked first whether it lives: whoever finds out that it does not goes the ordinary way.
    database.health_check_done = True
    stored = _run(parameters)
    if stored is None:
        return False
    if fires:
        ringing.FOR_EVENTS.soon()
    if stored[1]:
        ringing.FOR_HOOKS.soon()
    return True


def _store_within(database: BaseDatabaseWrapper, parameters: rows.Parameters, *, fires: bool) -> bool:
    """In somebody else's transaction: stored, and heard, when that is."""
    with transaction.atomic():
        if database.vendor == "sqlite":
            return together.write(database.connection, [parameters])[0]
        stored = _run(parameters)
        if stored is not None and fires:
            doorbell.ring()
        if stored is not None and stored[1]:
            doorbell.ring_hooks()
        return stored is not None


def _run(parameters: rows.Parameters) -> tuple[int, int] | None:
    """(seq, hooks that are owed it), None where it was not stored."""
    with quick_rows.run(rows.statement("postgresql"), parameters) as cursor:
        stored: tuple[int, int] | None = cursor.fetchone()
    return stored
