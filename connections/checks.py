"""Checking a connection: a live, harmless request to the provider with its token."""

from typing import Any

from connections import audit, clock, grants, providers
from connections.actors import Actor
from connections.budget import Budget, Exhausted
from connections.grant_state import check_usable
from connections.models import Connection
from connections.problems import Problem
from connections.providers import TokenRefused


def check(*, actor: Actor, connection: Connection) -> dict[str, Any]:
    """{"healthy", "status", "checked_at", "message", "reasons", "missing_scopes"}.

    A broken connection is an answer, not an error.
    Raises Problem (connection_revoked, connection_pending): there is nothing to check then.
    """
    if connection.status in (Connection.Status.REVOKED, Connection.Status.PENDING):
        check_usable(connection)
    provider = providers.get(connection.provider)
    try:
        message, reasons, healthy = _probe(connection, provider), [], True
    except Problem as problem:
        message, reasons, healthy = problem.message, problem.reasons, False
    connection.refresh_from_db()
    audit.record(actor, "connection.checked", connection=connection, detail={"healthy": healthy})
    return {
        "healthy": healthy,
        "status": connection.status,
        "checked_at": clock.now(),
        "message": message,
        "reasons": reasons,
        "missing_scopes": provider.missing_scopes(connection.grant.scopes_granted),
    }


def _probe(connection: Connection, provider: providers.OAuthProvider) -> str:
    token = grants.access_token(connection)
    try:
        Budget(connection).take(patience=1.0, comes_again=False)
    except Exhausted:
        raise Problem(
            "busy", "All requests of this minute are used up. Check again in a moment.", status=503
        ) from None
    try:
        return provider.probe(connection.region, token)
    except TokenRefused:
        token = grants.replace_refused_token(connection, refused=token)
    try:
        return provider.probe(connection.region, token)
    except TokenRefused as error:
        raise grants.give_up(connection, reason=str(error), refused=token) from None
