"""Renewing grants: one refresh at a time for each, across processes, stored before anybody uses it.

PagerDuty gives a new refresh token with each refresh and the old one may die at once, so two refreshes at the
same time would lose the connection. One process at a time holds the grant's lease, reads the row again, asks
without a transaction open, and stores what it got.
"""

import time
import uuid
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q

from connections.grants import oauth_apps, registry
from connections.grants.registry import AppRefused, RefreshFailed, RefreshRefused, Tokens
from connections.grants.state import break_off, check_usable, delayed, opened
from connections.models import Connection, Grant
from connections.notifications import facts
from connections.notifications.kinds import CONNECTION_BROKEN
from core import backoff
from core.crypto import seal
from core.db import clock
from core.errors import Problem
from core.metrics import REFRESHES

log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=30)
_PATIENCE = 2.0
_LOOK_EVERY = 0.05
_SHORTEST_MARGIN = timedelta(minutes=5)
_AT_LEAST_EVERY = timedelta(days=1)
# Consecutive refusals of an app, about a quarter of a minute's, before the agency is notified.
_TELL_AFTER = 3


def refresh_due(limit: int = 50) -> int:
    """Refresh due grants, so that none expires unused. Return how many were claimed."""
    due = Grant.objects.filter(
        connection__status=Connection.Status.ACTIVE, next_refresh_at__lte=clock.now()
    ).select_related("connection")
    taken = 0
    for grant in due.order_by("next_refresh_at")[:limit]:
        taken += 1
        try:
            renewed(grant, wait=False)
        except Problem as problem:
            log.info("refresh_not_done", grant=str(grant.pk), code=problem.code)
        except Exception:
            log.exception("refresh_broke", grant=str(grant.pk))  # the others still have their turn
    return taken


def renewed(grant: Grant, *, wait: bool, broken: bool = False) -> Grant:
    """Return the grant with tokens newer than `grant` has, renewed here or by another process meanwhile.

    broken: also for a connection in `error`.
    """
    end = time.monotonic() + (_PATIENCE if wait else 0)
    while True:
        holder = _take_lease(grant)
        current = Grant.objects.select_related("connection", "oauth_app").get(pk=grant.pk)
        check_usable(current.connection, broken=broken)
        if current.generation > grant.generation:
            if holder:
                _give_lease_back(current, holder)
            return current
        if holder:
            return _refresh(current, holder)
        if time.monotonic() >= end:
            held = (current.lease_until - clock.now()).total_seconds() if current.lease_until else 0.0
            raise delayed(max(1.0, held))
        time.sleep(_LOOK_EVERY)


def _take_lease(grant: Grant) -> uuid.UUID | None:
    holder, now = uuid.uuid4(), clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    taken = Grant.objects.filter(free, pk=grant.pk).update(lease_holder=holder, lease_until=now + _LEASE)
    return holder if taken else None


def _give_lease_back(grant: Grant, holder: uuid.UUID) -> None:
    Grant.objects.filter(pk=grant.pk, lease_holder=holder).update(lease_holder=None, lease_until=None)


def _refresh(grant: Grant, holder: uuid.UUID) -> Grant:
    """One refresh under the lease. Raises Problem (reconnection_needed, grant_refresh_delayed, grant_unreadable)."""
    provider = registry.get(grant.connection.provider)
    try:
        app = oauth_apps.credentials(grant.oauth_app)
        tokens = provider.refresh(opened(grant, "refresh_token"), app)
    except Problem:
        _give_lease_back(grant, holder)
        raise
    except RefreshRefused as error:
        return _after_refusal(grant, holder, error)
    except RefreshFailed as error:
        raise _put_off(grant, holder, error) from None
    return _store(grant, tokens)


def _after_refusal(grant: Grant, holder: uuid.UUID, error: RefreshRefused) -> Grant:
    """Return the grant if another process renewed it meanwhile; else end the connection and raise Problem."""
    if not Grant.objects.filter(pk=grant.pk, lease_holder=holder).exists():
        raise delayed(1.0) from None  # another process took over, and it may hold what we lost
    _give_lease_back(grant, holder)
    newest = Grant.objects.select_related("connection").get(pk=grant.pk)
    if newest.generation > grant.generation:  # a reconnect came in between: its tokens are the good ones
        return newest
    REFRESHES.labels("refused").inc()
    raise break_off(grant.connection, generation=grant.generation, reason=str(error)) from None


def _put_off(grant: Grant, holder: uuid.UUID, error: RefreshFailed) -> Problem:
    """Store the time of the next attempt; return the Problem that reports it to the caller."""
    failures = grant.failures + 1
    wait = backoff.delay(failures, error.retry_after)
    Grant.objects.filter(pk=grant.pk, lease_holder=holder).update(
        failures=failures,
        next_refresh_at=clock.now() + timedelta(seconds=wait),
        lease_holder=None,
        lease_until=None,
    )
    REFRESHES.labels("failed").inc()
    log.warning("refresh_failed", grant=str(grant.pk), failures=failures, reason=str(error))
    if isinstance(error, AppRefused) and grant.oauth_app and failures == _TELL_AFTER:
        _tell_of_the_app(grant)
    return delayed(wait)


def _store(grant: Grant, tokens: Tokens) -> Grant:
    """The grant as it is by now: with these tokens, unless others came first. Raises Problem where it has ended."""
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
        lapses_at=grant.lapses_at,
        consent_ends_at=grant.consent_ends_at,
        generation=F("generation") + 1,
        failures=0,
        lease_holder=None,
        lease_until=None,
    )
    current = Grant.objects.select_related("connection").get(pk=grant.pk)
    if stored:
        REFRESHES.labels("stored").inc()
        if grant.failures >= _TELL_AFTER:
            facts.withdraw(current.connection, CONNECTION_BROKEN)
    else:
        log.warning("refreshed_for_nothing", grant=str(grant.pk))
        check_usable(current.connection)
    return current


def _tell_of_the_app(grant: Grant) -> None:
    """Once for the tokens it has: a client's own app, unlike ours, can only be put right by the agency."""
    connection = grant.connection
    provider = registry.get(connection.provider).name
    facts.of_connection(
        CONNECTION_BROKEN,
        connection,
        title=f"{provider} rejects the app of {connection.workspace.name}",
        reason=f"{provider} rejects the client’s own app, which “{connection.label}” was connected through. The "
        "app may have been deleted, or its secret changed. Enter the new secret, or reconnect through "
        "another app. The workflows stop when the current access expires.",
        occasion=f"app {grant.generation}",
    )


def fill(grant: Grant, tokens: Tokens) -> None:
    """Put new tokens, when to renew them and when they end, into an unsaved or leased grant."""
    now = clock.now()
    seal(grant, "access_token", tokens.access_token)
    seal(grant, "refresh_token", tokens.refresh_token)
    if tokens.scopes:  # an answer without them means: as before (RFC 6749, section 5.1)
        grant.scopes_granted = tokens.scopes
    grant.expires_at = tokens.expires_at
    grant.refreshed_at = now
    grant.next_refresh_at = renew_at(now, tokens.expires_at)
    life = registry.get(grant.connection.provider).lifetimes(grant.scopes_granted)
    grant.lapses_at = now + life.unused
    grant.consent_ends_at = grant.obtained_at + life.consent


def renew_at(now: datetime, expires_at: datetime) -> datetime:
    """Well before it expires (a tenth of its life, at least 5 minutes but not more than half), and daily."""
    life = expires_at - now
    margin = min(max(life / 10, _SHORTEST_MARGIN), life / 2)
    return min(expires_at - margin, now + _AT_LEAST_EVERY)
