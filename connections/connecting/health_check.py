"""Checking a connection: a live, harmless request to the provider with its token."""

from typing import Any

from connections import audit
from connections.grants import registry, tokens
from connections.grants.registry import TokenRefused
from connections.grants.request_budget import Budget, Exhausted
from connections.grants.state import check_usable, heal
from connections.models import Connection
from connections.tenancy.actor import Actor
from core.db import clock, lending
from core.errors import Problem, sentence_of


def check(*, actor: Actor, connection: Connection) -> dict[str, Any]:
    """{"healthy", "status", "checked_at", "message", "reasons", "missing_scopes"}.

    A broken connection is an answer, not an error; one that works again becomes active, and what waits for it goes on.
    Raises Problem (connection_revoked, connection_pending): there is nothing to check then.
    """
    check_usable(connection, broken=True)
    provider = registry.get(connection.provider)
    try:
        message, reasons, healthy = _probe(connection, provider), [], True
    except Problem as problem:
        message, reasons, healthy = problem.message, problem.reasons, False
    if healthy:
        tokens.accepted(connection)
        heal(actor, connection)
    connection.refresh_from_db()
    now = clock.now()
    failure = "" if healthy else sentence_of(message, reasons)[:300]
    Connection.objects.filter(pk=connection.pk).update(checked_at=now, check_failure=failure)
    audit.record(actor, "connection.checked", connection=connection, detail={"healthy": healthy})
    return {
        "healthy": healthy,
        "status": connection.status,
        "checked_at": now,
        "message": message,
        "reasons": reasons,
        "missing_scopes": provider.missing_scopes(connection.grant.scopes_granted),
    }


def _probe(connection: Connection, provider: registry.OAuthProvider) -> str:
    token = tokens.token_to_check(connection)
    try:
        Budget(connection).take(patience=1.0, comes_again=False)
    except Exhausted:
        raise Problem(
            "busy", "The rate limit for this minute is used up. Check again in a moment.", status=503
        ) from None
    lending.give_back()
    try:
        return provider.probe(connection.region, token)
    except TokenRefused as error:
        token = tokens.replace_refused_token(connection, refused=token, reason=str(error))
    lending.give_back()
    try:
        return provider.probe(connection.region, token)
    except TokenRefused as error:
        raise tokens.still_refused(connection, reason=str(error), refused=token) from None
