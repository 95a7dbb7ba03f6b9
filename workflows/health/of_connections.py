"""The health of connections: their status, then the newest of their last call, last check and last consent."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery

from connections.extension_points.health import Health
from connections.grants import consent_expiry, registry
from connections.models import Connection, Grant
from workflows.models import ActionCall

_Status = Connection.Status
_health = partial(Health.known, "connection")
# Errors that speak of the connection or the provider. After any other the provider has answered.
_NOT_ANSWERED = frozenset(
    {
        "access_lost",
        "credential_refused",
        "grant_refresh_delayed",
        "grant_unreadable",
        "provider_account_expired",
        "provider_error",
        "provider_timeout",
        "provider_unreachable",
        "reconnection_needed",
    }
)
_ENDED = [ActionCall.Status.COMPLETED, ActionCall.Status.FAILED]


def judge(rows: list[Connection]) -> dict[Any, Health]:
    """Two queries for the calls, one for the grants."""
    calls = _last_calls(rows)
    grants = {grant.connection_id: grant for grant in Grant.objects.filter(connection__in=rows)}
    return {row.pk: _of(row, calls.get(row.pk), grants.get(row.pk)) for row in rows}


def _last_calls(rows: list[Connection]) -> dict[UUID, ActionCall]:
    """The last call of each that ended. As a range, as core.db.latest_per_group explains."""
    theirs: dict[str, Any] = {"connection__gte": OuterRef("pk"), "connection__lte": OuterRef("pk")}
    newest = ActionCall.objects.filter(**theirs, status__in=_ENDED).order_by(
        "connection", "-created_at", "id"
    )
    keys = Connection.objects.filter(pk__in=[row.pk for row in rows]).annotate(
        last_call=Subquery(newest.values("pk")[:1])
    )
    found = ActionCall.objects.only("connection", "status", "error", "created_at", "finished_at")
    calls = found.in_bulk([key for key in keys.values_list("last_call", flat=True) if key])
    return {call.connection_id: call for call in calls.values()}


def _of(connection: Connection, call: ActionCall | None, grant: Grant | None) -> Health:
    if connection.status == _Status.REVOKED:
        return _health("revoked", "Access was deleted.", connection.revoked_at)
    if connection.status == _Status.PENDING:
        return _health("pending", "Not authorized yet.")
    if connection.status == _Status.ERROR:
        reason = connection.status_reason or "TaskJuice can no longer access the account."
        return _health("reconnection_needed", reason)
    happened = _newest(connection, call)
    if happened.tone == "bad":
        return happened
    return _to_come(connection, grant) or happened


def _newest(connection: Connection, call: ActionCall | None) -> Health:
    """By the newest of consent, check and call: what came before a consent that worked does not count any more."""
    consent = connection.authorised_at
    found = [(consent, _health("unused", "Connected; not used since.", consent))]
    if connection.checked_at:
        found.append((connection.checked_at, _of_check(connection)))
    if call is not None:
        at = call.finished_at or call.created_at
        found.append((at, _of_call(call, at)))
    return max(((at, health) for at, health in found if at), key=lambda one: one[0], default=found[0])[1]


def _of_check(connection: Connection) -> Health:
    at, failure = connection.checked_at, connection.check_failure
    if failure:
        return _health("failing", f"Last check failed: {failure}", at)
    return _health("working", "Last check succeeded.", at)


def _of_call(call: ActionCall, at: datetime) -> Health:
    error = call.error if isinstance(call.error, dict) else {}
    if call.status == ActionCall.Status.FAILED and error.get("code") in _NOT_ANSWERED:
        return _health("failing", f"Last API request failed: {error.get('message', '')}", at)
    if call.status == ActionCall.Status.FAILED:
        return _health("working", "The provider rejected the last API request.", at)
    return _health("working", "Last API request succeeded.", at)


def _to_come(connection: Connection, grant: Grant | None) -> Health | None:
    """Limits of a working connection: soon expiring, or without some permissions."""
    if grant is None:
        return None
    provider = registry.get(connection.provider)
    if provider.missing_scopes(grant.scopes_granted):
        return _health("limited", f"{provider.name} did not grant all permissions.")
    if grant.failures:
        times = "once" if grant.failures == 1 else f"{grant.failures} times in a row"
        return _health("renewal_delayed", f"Token refresh failed {times}.")
    if consent_expiry.ends_soon(grant.consent_ends_at):
        return _health("consent_ends", "Reconnect it before then.")
    return None
