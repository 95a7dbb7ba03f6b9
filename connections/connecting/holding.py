"""Proof of a revocation: ask the provider whether it still holds the grant of a revoked connection.

Before our tokens are deleted the provider always holds it, so it is asked afterwards: once with the deleted access
token, which is in memory until the revocation ends, and later through another connection to the same account.
"""

import enum
from typing import Any

import structlog

from connections import audit
from connections.grants import registry, tokens
from connections.grants.registry import OAuthProvider, TokenRefused
from connections.grants.request_budget import Budget, Exhausted
from connections.models import Connection, Grant
from connections.tenancy.actor import Actor
from core.db import lending
from core.errors import Problem
from core.request_slots import busy, provider_slot

log = structlog.get_logger(__name__)
CHECKED = "connection.revocation_checked"
_AT_REVOCATION = "connection.revoked_at_provider"


class Holding(enum.StrEnum):
    """The provider's answer. unasked: the permission to ask was not granted, or there is no token to ask with."""

    HELD = "held"
    GONE = "gone"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNASKED = "unasked"


def of_token(connection: Connection, provider: OAuthProvider, token: str | None) -> Holding:
    """Ask with that access token of the connection's own grant; no failure is an error."""
    grant = Grant.objects.filter(connection=connection).first()
    if token is None or grant is None or not _may_ask(provider, grant):
        return Holding.UNASKED
    return _asked(provider, connection, grant, token)


def ask_again(actor: Actor, connection: Connection) -> None:
    """Ask through another connection and note the answer. Raise Problem: no_witness, busy."""
    other = witness(connection)
    if other is None:
        raise Problem("no_witness", "No other connection to this account may ask.", status=409)
    with provider_slot(other.workspace_id, other.pk) as free:
        if not free:
            raise busy()
        found = _asked_through(other, connection)
    audit.record(actor, CHECKED, connection=connection, detail={"holding": found, "through": other.label})


def _asked_through(other: Connection, connection: Connection) -> Holding:
    """Ask with a token of the other connection. That one being refused says nothing of the revoked one."""
    try:
        Budget(other).take(patience=1.0, comes_again=False)
        token = tokens.access_token(other)
    except (Exhausted, Problem):
        return Holding.UNREACHABLE
    found = _asked(registry.get(connection.provider), connection, connection.grant, token)
    return Holding.UNREACHABLE if found == Holding.REFUSED else found


def witness(connection: Connection) -> Connection | None:
    """Return an active connection of the workspace to the same account that may ask; the same user's comes first."""
    provider = registry.get(connection.provider)
    if not Grant.objects.filter(connection=connection).exclude(delegation_id="").exists():
        return None
    others = Connection.objects.filter(
        workspace=connection.workspace_id,
        provider=connection.provider,
        status=Connection.Status.ACTIVE,
        external_account_id=connection.external_account_id,
        region=connection.region,
    ).select_related("grant")
    able = [other for other in others[:100] if _may_ask(provider, other.grant)]
    same = [other for other in able if other.external_user_id == connection.external_user_id]
    return next(iter([*same, *able]), None)


def last_answer(connection: Connection) -> dict[str, Any]:
    """Return {"state", "at", "through"} of the newest answer; state unasked where there was none."""
    events = connection.audit_events.filter(action__in=[_AT_REVOCATION, CHECKED])
    event = next((event for event in events[:20] if "holding" in event.detail), None)
    if event is None:
        return {"state": Holding.UNASKED, "at": None, "through": ""}
    through = event.detail.get("through", "")
    return {"state": event.detail["holding"], "at": event.created_at, "through": through}


def _may_ask(provider: OAuthProvider, grant: Grant) -> bool:
    known = provider.holds_grant is not None and grant.delegation_id != ""
    return known and provider.holds_grant_scope in grant.scopes_granted


def _asked(provider: OAuthProvider, connection: Connection, grant: Grant, token: str) -> Holding:
    assert provider.holds_grant is not None  # noqa: S101 - _may_ask has seen to it
    lending.give_back()
    try:
        held = provider.holds_grant(
            connection.region, token, connection.external_user_id, grant.delegation_id
        )
    except TokenRefused:
        return Holding.REFUSED
    except Exception as error:  # noqa: BLE001 - the revocation is done already
        log.warning("holding_unknown", connection=str(connection.pk), error=type(error).__name__)
        return Holding.UNREACHABLE
    return Holding.HELD if held else Holding.GONE
