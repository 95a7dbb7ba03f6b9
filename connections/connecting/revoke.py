"""Revoking: tokens erased and everything stopped in one transaction, then the provider told where it listens.

Callers have checked that the actor may (connections.web.access, connections.api).
"""

from typing import Any

import structlog
from django.db import transaction

from connections import audit
from connections.connecting import holding
from connections.grants import oauth_apps, registry
from connections.models import Connection, Grant, OAuthApp
from connections.notifications import facts
from connections.signals import connection_revoked, connection_revoking
from connections.tenancy.actor import Actor
from core.crypto import Unreadable, reveal
from core.db import clock, lending
from core.db.leases import RELEASED
from core.request_slots import thread_slot

log = structlog.get_logger(__name__)


def revoke(*, actor: Actor, connection: Connection) -> dict[str, Any]:
    """Revoke permanently; a second call changes nothing. Return the receipt.

    {"connection", "revoked_at", "erased": whether tokens were there to erase, "provider_revoked": whether the
    provider confirmed, "holding": a Holding, "removal_hint", "removal_url": where a person removes the app there}
    """
    provider = registry.get(connection.provider)
    confirmed, held = False, holding.Holding.UNASKED
    # However busy the connection is, it is revoked: what else uses it ends with its tokens.
    with thread_slot(connection.workspace_id, of="revocation") as may_wait:
        if not may_wait:
            log.warning("provider_not_asked", connection=str(connection.pk))
        taken_back = _taken_back(connection) if may_wait else {}
        (refresh_token, access_token), app, erased = _erase(actor, connection, taken_back)
        if refresh_token is not None:
            confirmed = may_wait and _revoked_there(connection, provider, refresh_token, app)
            if may_wait:
                held = holding.of_token(connection, provider, access_token)
            detail = {"confirmed": confirmed, "holding": held}
            audit.record(actor, "connection.revoked_at_provider", connection=connection, detail=detail)
    connection.refresh_from_db()
    return {
        "connection": str(connection.pk),
        "revoked_at": connection.revoked_at,
        "erased": erased,
        "provider_revoked": confirmed,
        "holding": held,
        "removal_hint": provider.removal_hint,
        "removal_url": _removal_url(connection),
    }


def _removal_url(connection: Connection) -> str:
    page = registry.get(connection.provider).grant_page
    return page(connection.external_account_name, connection.external_user_id)


def _revoked_there(
    connection: Connection, provider: registry.OAuthProvider, refresh_token: str, app: OAuthApp | None
) -> bool:
    """Return whether the provider confirmed. Our tokens are erased already; no failure there can undo it."""
    try:
        known = oauth_apps.credentials(provider, app)
        lending.give_back()
        return provider.revoke(refresh_token, known)
    except Exception as error:  # noqa: BLE001
        log.warning("provider_revocation_failed", connection=str(connection.pk), error=type(error).__name__)
        return False


def receipt_of(connection: Connection) -> dict[str, Any]:
    """The receipt of a connection that was revoked at some time, read from the audit trail.

    {"event": the AuditEvent (who, when, from where), "erased", "stopped": [(what, how many, or which)],
    "provider_revoked", "holding": see holding.last_answer, "witness": the connection to ask again through or None,
    "removal_hint", "removal_url"}
    """
    event = connection.audit_events.filter(action="connection.revoked").first()
    told = connection.audit_events.filter(action="connection.revoked_at_provider").first()
    detail = event.detail if event else {}
    return {
        "event": event,
        "erased": detail.get("erased", False),
        "stopped": [(what, _said(found)) for what, found in detail.get("stopped", {}).items()],
        "provider_revoked": bool(told and told.detail.get("confirmed")),
        "holding": holding.last_answer(connection),
        "witness": holding.witness(connection),
        "removal_hint": registry.get(connection.provider).removal_hint,
        "removal_url": _removal_url(connection),
    }


def _said(stopped: Any) -> str:
    """The number stopped, or their names."""
    return ", ".join(map(str, stopped)) if isinstance(stopped, list) else str(stopped)


def _taken_back(connection: Connection) -> dict[str, Any]:
    """Return what other apps removed at the provider while there were tokens.

    A slow provider delays the revocation only briefly, and no failure there stops it.
    """
    if Connection.objects.filter(pk=connection.pk, status=Connection.Status.REVOKED).exists():
        return {}
    done: dict[str, Any] = {}
    for _, answer in connection_revoking.send_robust(sender=Connection, connection=connection):
        if isinstance(answer, Exception):
            log.warning("not_taken_back", connection=str(connection.pk), error=type(answer).__name__)
        else:
            done.update(answer or {})
    return done


def _erase(
    actor: Actor, connection: Connection, stopped: dict[str, Any]
) -> tuple[tuple[str | None, str | None], OAuthApp | None, bool]:
    """Return the former refresh and access token and their OAuth app, and whether there were tokens to erase."""
    with transaction.atomic():
        won = (
            Connection.objects.filter(pk=connection.pk)
            .exclude(status=Connection.Status.REVOKED)
            .update(status=Connection.Status.REVOKED, status_reason="", revoked_at=clock.now())
        )
        if not won:
            return (None, None), None, False
        held = Grant.objects.select_related("oauth_app")
        grant = held.filter(connection=connection, access_token__isnull=False).first()
        former = [_readable(grant, name) if grant else None for name in ("refresh_token", "access_token")]
        Grant.objects.filter(connection=connection).update(
            access_token=None,
            refresh_token=None,
            next_refresh_at=None,
            **RELEASED,
        )
        connection.client_links.open().update(cancelled_at=clock.now(), secret=None)
        connection.refresh_from_db()
        answers = connection_revoked.send(sender=Connection, connection=connection)
        for _, done in answers:
            stopped.update(done)  # type: ignore[arg-type]
        facts.withdraw(connection)
        audit.record(
            actor,
            "connection.revoked",
            connection=connection,
            detail={"erased": grant is not None, "stopped": stopped},
        )
    return (former[0], former[1]), grant.oauth_app if grant else None, grant is not None


def _readable(grant: Grant, name: str) -> str | None:
    try:
        return reveal(grant, name)
    except Unreadable:
        return None
