"""The state a grant is in: usable, readable, late, or over. Each unusable state has its one Problem."""

import structlog
from django.db import transaction

from connections import audit
from connections.models import Connection, Grant, OAuthApp
from connections.notifications import facts
from connections.notifications.kinds import CONNECTION_BROKEN
from connections.signals import connection_restored
from connections.tenancy.actor import Actor
from core.crypto import Unreadable, reveal
from core.errors import Problem
from core.text.json_sanitize import storable

log = structlog.get_logger(__name__)

_UNREADABLE_SECONDS = 60.0
_SYSTEM = Actor.system()
_UNUSABLE = {
    Connection.Status.PENDING: ("connection_pending", "This connection has not been authorized yet."),
    Connection.Status.ERROR: (
        "reconnection_needed",
        "Authorization expired or was revoked. Reconnect to continue.",
    ),
    Connection.Status.REVOKED: ("connection_revoked", "This connection was revoked."),
}


def check_usable(connection: Connection, *, broken: bool = False) -> None:
    """Raise Problem (connection_pending, reconnection_needed, connection_revoked; 409) unless it is active.

    broken: one in `error` passes too, for a check whether it works again.
    """
    usable = {Connection.Status.ACTIVE, Connection.Status.ERROR} if broken else {Connection.Status.ACTIVE}
    if connection.status not in usable:
        code, message = _UNUSABLE[Connection.Status(connection.status)]
        raise Problem(code, message, status=409)


def opened(grant: Grant, field: str) -> str:
    """The token. Raises Problem (grant_unreadable)."""
    return readable(grant, field)


def readable(row: Grant | OAuthApp, field: str) -> str:
    """The secret. Raises Problem (grant_unreadable): the right key may be missing only from this machine."""
    try:
        return reveal(row, field)
    except Unreadable:
        log.error("grant_unreadable", row=str(row.pk), column=field)
        raise Problem(
            "grant_unreadable",
            "The stored access cannot be decrypted with the configured keys. Contact your administrator.",
            status=503,
            retryable=True,
            retry_after=_UNREADABLE_SECONDS,
        ) from None


def delayed(retry_after: float) -> Problem:
    """The Problem for a token that is not there yet. retry_after: seconds."""
    return Problem(
        "grant_refresh_delayed",
        "Token refresh failed; retrying.",
        status=503,
        retryable=True,
        retry_after=retry_after,
    )


def break_off(connection: Connection, *, generation: int, reason: str) -> Problem:
    """Set the connection to `error`, unless the grant has newer tokens than those of `generation`."""
    with transaction.atomic():
        won = Connection.objects.filter(
            pk=connection.pk, status=Connection.Status.ACTIVE, grant__generation=generation
        ).update(status=Connection.Status.ERROR, status_reason=storable(reason)[:300])
        if won:
            connection.refresh_from_db()
            audit.record(
                _SYSTEM, "connection.broken", connection=connection, detail={"reason": storable(reason)}
            )
            _tell(connection)
    if not won and Connection.objects.filter(pk=connection.pk, status=Connection.Status.ACTIVE).exists():
        return delayed(1.0)
    code, message = _UNUSABLE[Connection.Status.ERROR]
    return Problem(code, message, status=409)


def _tell(connection: Connection) -> None:
    """Notify the agency, with the provider's own reason where one is known."""
    why = connection.status_reason.strip().rstrip(".")
    facts.of_connection(
        CONNECTION_BROKEN,
        connection,
        title=f"Reconnection needed: {connection.label}",
        reason=f"{why}{'. ' if why else ''}The connection can no longer access the account. Its workflows wait until "
        "it is reconnected.",
    )


def restored(connection: Connection) -> None:
    """Take back the notifications that it did not work, and wake what waits for it; inside the caller's transaction."""
    facts.withdraw(connection, CONNECTION_BROKEN)
    connection_restored.send(sender=Connection, connection=connection)


def heal(actor: Actor, connection: Connection) -> None:
    """Set the connection from `error` back to active, after the provider accepted access that it had refused."""
    with transaction.atomic():
        broken = Connection.objects.filter(pk=connection.pk, status=Connection.Status.ERROR)
        if broken.update(status=Connection.Status.ACTIVE, status_reason=""):
            connection.refresh_from_db()
            audit.record(actor, "connection.healed", connection=connection)
            restored(connection)
