"""Grants: the only place that hands out a token, and the one that keeps it alive.

PagerDuty gives a new refresh token with each refresh and the old one may die at once, so two refreshes at the
same time would lose the connection. One process at a time holds the grant's lease, reads the row again, asks
without a transaction open, and stores what it got before anybody uses it.
"""

import time
import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from connections import audit, backoff, providers
from connections.actors import Actor
from connections.encryption import reveal, seal
from connections.models import Connection, Grant, Notice
from connections.problems import Problem
from connections.providers import RefreshFailed, RefreshRefused, Tokens
from connections.signals import connection_broken

log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=30)
_PATIENCE = 2.0
_LOOK_EVERY = 0.05
_SHORTEST_MARGIN = timedelta(minutes=5)
_AT_LEAST_EVERY = timedelta(days=1)
_SYSTEM = Actor.system()

_UNUSABLE = {
    Connection.Status.PENDING: ("connection_pending", "This connection has not been authorised yet."),
    Connection.Status.ERROR: ("reconnection_needed", "Reconnection needed: the provider refuses our access."),
    Connection.Status.REVOKED: ("connection_revoked", "This connection was revoked."),
}


def check_usable(connection: Connection) -> None:
    """Raises Problem (connection_pending, reconnection_needed, connection_revoked; 409) unless it is active."""
    if connection.status != Connection.Status.ACTIVE:
        code, message = _UNUSABLE[Connection.Status(connection.status)]
        raise Problem(code, message, status=409)


def access_token(connection: Connection) -> str:
    """A token that is good for the next minutes.

    Raises Problem: see check_usable; grant_refresh_delayed (retryable) when a new one cannot be had just now.
    """
    grant = Grant.objects.select_related("connection").get(connection=connection)
    check_usable(grant.connection)
    now = timezone.now()
    still_good = grant.expires_at is not None and now < grant.expires_at
    wait = (grant.next_refresh_at - now).total_seconds() if grant.next_refresh_at else 0.0
    if wait > 0:
        if still_good:
            return reveal(grant, "access_token")
        if grant.failures:
            raise _delayed(wait)
    try:
        return reveal(_renewed(grant, wait=not still_good), "access_token")
    except Problem as problem:
        if still_good and problem.retryable:
            return reveal(grant, "access_token")
        raise


def replace_refused_token(connection: Connection, *, refused: str) -> str:
    """A token other than the one the provider has just refused. Raises Problem as access_token."""
    grant = Grant.objects.select_related("connection").get(connection=connection)
    check_usable(grant.connection)
    current = reveal(grant, "access_token")
    return current if current != refused else reveal(_renewed(grant, wait=True), "access_token")


def give_up(connection: Connection, *, reason: str) -> Problem:
    """Only a person can help now: move the connection to `error`, tell the agency once. Answers the Problem."""
    with transaction.atomic():
        won = Connection.objects.filter(pk=connection.pk, status=Connection.Status.ACTIVE).update(
            status=Connection.Status.ERROR, status_reason=reason[:300]
        )
        if won:
            connection.refresh_from_db()
            generation = Grant.objects.get(connection=connection).generation
            audit.record(_SYSTEM, "connection.broken", connection=connection, detail={"reason": reason})
            Notice.objects.create(
                connection=connection, kind="reconnection_needed", occasion=f"generation {generation}"
            )
            connection_broken.send(sender=Connection, connection=connection)
    code, message = _UNUSABLE[Connection.Status.ERROR]
    return Problem(code, message, status=409)


def _renewed(grant: Grant, *, wait: bool) -> Grant:
    """The grant with tokens newer than `grant` has, renewed by us or by another process meanwhile."""
    end = time.monotonic() + (_PATIENCE if wait else 0)
    while True:
        holder = _take_lease(grant)
        current = Grant.objects.select_related("connection").get(pk=grant.pk)
        check_usable(current.connection)
        if current.generation > grant.generation:
            if holder:
                _give_lease_back(current, holder)
            return current
        if holder:
            return _refresh(current, holder)
        if time.monotonic() >= end:
            raise _delayed(1.0)
        time.sleep(_LOOK_EVERY)


def _take_lease(grant: Grant) -> uuid.UUID | None:
    holder, now = uuid.uuid4(), timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    taken = Grant.objects.filter(free, pk=grant.pk).update(lease_holder=holder, lease_until=now + _LEASE)
    return holder if taken else None


def _give_lease_back(grant: Grant, holder: uuid.UUID) -> None:
    Grant.objects.filter(pk=grant.pk, lease_holder=holder).update(lease_holder=None, lease_until=None)


def _refresh(grant: Grant, holder: uuid.UUID) -> Grant:
    """One refresh under the lease. Raises Problem (reconnection_needed, grant_refresh_delayed)."""
    provider = providers.get(grant.connection.provider)
    try:
        tokens = provider.refresh(reveal(grant, "refresh_token"))
    except RefreshRefused as error:
        _give_lease_back(grant, holder)
        newest = Grant.objects.select_related("connection").get(pk=grant.pk)
        if newest.generation > grant.generation:  # a reconnect came in between: its tokens are the good ones
            return newest
        raise give_up(grant.connection, reason=str(error)) from None
    except RefreshFailed as error:
        failures = grant.failures + 1
        wait = backoff.delay(failures, error.retry_after)
        Grant.objects.filter(pk=grant.pk, lease_holder=holder).update(
            failures=failures,
            next_refresh_at=timezone.now() + timedelta(seconds=wait),
            lease_holder=None,
            lease_until=None,
        )
        log.warning("refresh_failed", grant=str(grant.pk), failures=failures, reason=str(error))
        raise _delayed(wait) from None
    fill(grant, tokens)
    stored = Grant.objects.filter(
        pk=grant.pk, generation=grant.generation, access_token__isnull=False
    ).update(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        scopes_granted=grant.scopes_granted,
        expires_at=grant.expires_at,
        refreshed_at=grant.refreshed_at,
        next_refresh_at=grant.next_refresh_at,
        generation=F("generation") + 1,
        failures=0,
        lease_holder=None,
        lease_until=None,
    )
    current = Grant.objects.select_related("connection").get(pk=grant.pk)
    if not stored:
        log.warning("refreshed_for_nothing", grant=str(grant.pk))
        check_usable(current.connection)
    return current


def fill(grant: Grant, tokens: Tokens) -> None:
    """Put new tokens, and when to renew them, into an unsaved or leased grant."""
    now = timezone.now()
    seal(grant, "access_token", tokens.access_token)
    seal(grant, "refresh_token", tokens.refresh_token)
    if tokens.scopes:  # an answer without them means: as before (RFC 6749, section 5.1)
        grant.scopes_granted = tokens.scopes
    grant.expires_at = tokens.expires_at
    grant.refreshed_at = now
    grant.next_refresh_at = renew_at(now, tokens.expires_at)


def renew_at(now: datetime, expires_at: datetime) -> datetime:
    """Well before it expires (a tenth of its life, at least 5 minutes but not more than half), and daily."""
    life = expires_at - now
    margin = min(max(life / 10, _SHORTEST_MARGIN), life / 2)
    return min(expires_at - margin, now + _AT_LEAST_EVERY)


def _delayed(retry_after: float) -> Problem:
    return Problem(
        "grant_refresh_delayed",
        "The provider did not renew our access just now; it will be tried again.",
        status=503,
        retryable=True,
        retry_after=retry_after,
    )


def refresh_due(limit: int = 50) -> int:
    """Renew grants whose time has come, so that none dies unused. Answers how many were taken up."""
    due = Grant.objects.filter(
        connection__status=Connection.Status.ACTIVE, next_refresh_at__lte=timezone.now()
    ).select_related("connection")
    taken = 0
    for grant in due.order_by("next_refresh_at")[:limit]:
        taken += 1
        try:
            _renewed(grant, wait=False)
        except Problem as problem:
            log.info("refresh_not_done", grant=str(grant.pk), code=problem.code)
    return taken
