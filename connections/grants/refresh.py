"""Renewing grants: one refresh at a time for each, across processes, stored before anybody uses it.

PagerDuty gives a new refresh token with each refresh and the old one may die at once, so two refreshes at the
same time would lose the connection. One process at a time holds the grant's lease, reads the row again, asks
without a transaction open, and stores what it got.
"""

import time
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db.models import F, QuerySet

from connections.grants import oauth_apps, registry
from connections.grants.registry import AppRefused, RefreshFailed, RefreshRefused, Tokens
from connections.grants.state import break_off, check_usable, delayed, opened
from connections.models import Connection, Grant
from connections.notifications import facts
from connections.notifications.kinds import CONNECTION_BROKEN
from core import backoff
from core.crypto import seal
from core.db import clock, lending
from core.db.insist import insist
from core.db.leases import LONGEST_WAIT, RELEASED, Lease, LeaseLost, free
from core.errors import Problem
from core.metrics import REFRESHES

log = structlog.get_logger(__name__)

_PATIENCE = 2.0
_LOOK_EVERY = 0.05
# With the request before (25 seconds) less than the lease lasts.
_STORED_WITHIN = 50.0
# Until the next attempt for a grant whose secrets could not be read.
_LATER_SECONDS = 60.0
_SHORTEST_MARGIN = timedelta(minutes=5)
_AT_LEAST_EVERY = timedelta(days=1)
# Consecutive refusals of an app, about a quarter of a minute's, before the agency is notified.
_TELL_AFTER = 3


class GrantLease(Lease[Grant]):
    """The lease of a grant whose tokens this process refreshes. A refresh counts its own failures."""

    length = LONGEST_WAIT
    counter = ""
    seen = ()
    held = ("lease_holder",)


def due() -> QuerySet[Grant]:
    """Return the grants to refresh now, so that none expires unused, with their connections."""
    now = clock.now()
    active = Grant.objects.filter(free(now), connection__status=Connection.Status.ACTIVE)
    return active.filter(next_refresh_at__lte=now).select_related("connection").order_by("next_refresh_at")


def renew_due(lease: GrantLease) -> None:
    """Refresh a due grant in the background, and log what keeps it from that."""
    try:
        _renew(lease.row, lease)
    except Problem as problem:
        log.info("refresh_not_done", grant=str(lease.row.pk), code=problem.code)
    except Exception:
        log.exception("refresh_broke", grant=str(lease.row.pk))  # its lease stays for a while


def renewed(grant: Grant, *, wait: bool, broken: bool = False) -> Grant:
    """Return the grant with tokens newer than `grant` has, renewed here or by another process meanwhile.

    broken: also for a connection in `error`.
    """
    end = time.monotonic() + (_PATIENCE if wait else 0)
    while True:
        lease = GrantLease.claim(grant)
        if lease:
            return _renew(grant, lease, broken=broken)
        current = _read(grant, broken=broken)
        if current.generation > grant.generation:
            return current
        if time.monotonic() >= end:
            held = (current.lease_until - clock.now()).total_seconds() if current.lease_until else 0.0
            raise delayed(max(1.0, held))
        lending.give_back()
        time.sleep(_LOOK_EVERY)


def _read(grant: Grant, *, broken: bool) -> Grant:
    """The grant as it is by now. Raises Problem if its connection cannot be used; see check_usable."""
    current = Grant.objects.select_related("connection", "oauth_app").get(pk=grant.pk)
    check_usable(current.connection, broken=broken)
    return current


def _renew(grant: Grant, lease: GrantLease, *, broken: bool = False) -> Grant:
    """Return the grant with newer tokens, under the lease. Raises Problem as `_read` and `_refresh`."""
    try:
        current = _read(grant, broken=broken)
    except Problem:
        _release(lease)
        raise
    if current.generation > grant.generation:
        _release(lease)
        return current
    return _refresh(current, lease)


def _release(lease: GrantLease, **fields: Any) -> None:
    """Give the lease back; a process that has taken the grant over keeps it."""
    with suppress(LeaseLost):
        lease.release(**fields)


def _refresh(grant: Grant, lease: GrantLease) -> Grant:
    """One refresh under the lease. Raises Problem (reconnection_needed, grant_refresh_delayed, grant_unreadable)."""
    provider = registry.get(grant.connection.provider)
    try:
        app = oauth_apps.credentials(provider, grant.oauth_app)
        refresh_token = opened(grant, "refresh_token")
        lease.renew()  # the statements before may have waited for a database connection
        lending.give_back()
        tokens = provider.refresh(refresh_token, app)
    except LeaseLost:
        raise delayed(1.0) from None
    except Problem as problem:
        _release(
            lease, next_refresh_at=clock.now() + timedelta(seconds=problem.retry_after or _LATER_SECONDS)
        )
        raise
    except RefreshRefused as error:
        return _after_refusal(grant, lease, error)
    except RefreshFailed as error:
        raise _put_off(grant, lease, error) from None
    # The refresh token that is stored may be dead by now.
    return insist(partial(_store, grant, tokens), _STORED_WITHIN)


def _after_refusal(grant: Grant, lease: GrantLease, error: RefreshRefused) -> Grant:
    """Return the grant if another process renewed it meanwhile; else end the connection and raise Problem."""
    try:
        lease.release()
    except LeaseLost:
        raise delayed(1.0) from None  # another process took over, and it may hold what we lost
    newest = Grant.objects.select_related("connection").get(pk=grant.pk)
    if newest.generation > grant.generation:  # a reconnect came in between: its tokens are the good ones
        return newest
    REFRESHES.labels("refused").inc()
    raise break_off(grant.connection, generation=grant.generation, reason=str(error)) from None


def _put_off(grant: Grant, lease: GrantLease, error: RefreshFailed) -> Problem:
    """Store the time of the next attempt; return the Problem that reports it to the caller."""
    failures = grant.failures + 1
    wait = backoff.delay(failures, error.retry_after)
    _release(lease, failures=failures, next_refresh_at=clock.now() + timedelta(seconds=wait))
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
        **RELEASED,
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
    """Notify the agency once per tokens: unlike ours, a client's own app can only be fixed by the agency."""
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
    """The time of the next refresh: a tenth of the lifetime before expiry (5 minutes to half of it), and daily."""
    life = expires_at - now
    margin = min(max(life / 10, _SHORTEST_MARGIN), life / 2)
    return min(expires_at - margin, now + _AT_LEAST_EVERY)
