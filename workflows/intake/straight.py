"""One delivery on the straight way: known, signed, stored, or None for the ordinary way (workflows.inbox)."""

import psycopg
import structlog
from django.db import Error, connection, transaction

from workflows import doorbell, inbox
from workflows.inbox import Verdict
from workflows.intake import known, ringing, rows
from workflows.intake.together import TOGETHER
from workflows.models import Event

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
    trigger, secret = found.trigger, found.secrets[index]
    delivery = found.integration.read_delivery(body)
    event = inbox.event_of(trigger, body=body, is_test=False, delivery=delivery)
    if not _store(event, rows.parameters(event, trigger, secret)):
        known.forget(token)
        return None
    inbox.saw_secret(secret)
    return inbox.verdict_of(event)


def _store(event: Event, parameters: rows.Parameters) -> bool:
    """Whether it was stored, for good."""
    if connection.vendor == "sqlite":
        return TOGETHER.store(event, parameters)
    fires = event.status == Event.Status.QUEUED
    if connection.in_atomic_block:  # somebody else's transaction: it is heard with that
        with transaction.atomic():
            stored = _run(parameters)
            if stored and fires:
                doorbell.ring()
        return stored is not None
    connection.close_if_unusable_or_obsolete()
    stored = _run(parameters)
    if stored is None:
        return False
    if fires:
        ringing.FOR_EVENTS.soon()
    if stored[1]:
        ringing.FOR_HOOKS.soon()
    return True


def _run(parameters: rows.Parameters) -> tuple[int, int] | None:
    """(seq, hooks that are owed it), None where it was not stored. Without asking first whether the connection lives:
    whoever finds out that it does not goes the ordinary way.
    """
    connection.ensure_connection()
    line: psycopg.Connection = connection.connection
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(line).execute(rows.statement("postgresql"), parameters, prepare=True)
        return cursor.fetchone()
