"""One delivery on the straight way: known, signed, stored, or None for the ordinary way (workflows.inbox)."""

from typing import Any

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction

from workflows import doorbell, metrics, signers, storing
from workflows.intake import known, on_postgresql, on_sqlite, rows
from workflows.intake.together import TOGETHER
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
    if not _store(rows.parameters(delivery, judged, found.beliefs[index])):
        known.forget(token)
        return None
    signers.saw_secret(found.secrets[index])
    verdict = storing.STORED[judged.status]
    metrics.DELIVERIES.labels(verdict).inc()
    return verdict


def _store(parameters: rows.Parameters) -> bool:
    """Whether it was stored, for good; in somebody else's transaction stored, and heard, when that is."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if not database.in_atomic_block:
        return TOGETHER.store(parameters)
    with transaction.atomic():
        if database.vendor == "sqlite":
            return on_sqlite.write(database.connection, [parameters])[0]
        (stored,), fires, owed = on_postgresql.write([parameters])
        if fires:
            doorbell.ring()
        if owed:
            doorbell.ring_hooks()
        return stored
