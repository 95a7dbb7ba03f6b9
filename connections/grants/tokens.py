"""Grants: the only place that hands out a token, and decides what a refused one means.

A refused access token whose grant can still be renewed is no end: PagerDuty has short spells in which it refuses good
tokens. Only a refused refresh (renewal), or a spell of some minutes with tokens that were renewed in it, ends a grant.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from connections.grants.refresh import renewed
from connections.grants.state import break_off, check_usable, delayed, opened
from connections.models import Connection, Grant
from core.db import clock
from core.errors import Problem

# A spell of refusals that lasts longer ends the connection.
REFUSED_FOR = timedelta(minutes=5)
# Refusals further apart are two spells. Calls are tried again within a minute (still_refused).
_SPELL_ENDS_AFTER = timedelta(minutes=10)
# However often a token is refused, and by however many processes: so many renewals at once, then one each 20 seconds.
_RENEWALS_AT_ONCE = 3
_ONE_RENEWAL = timedelta(seconds=20)
_SOONEST, _LATEST = 5.0, 60.0


def access_token(connection: Connection, *, just_read: bool = False) -> str:
    """A token that is good for the next minutes. just_read: `connection.grant` was read a moment ago, with it.

    Raises Problem: see check_usable; grant_refresh_delayed and grant_unreadable (both retryable) when there is
    none to be had just now.
    """
    grant = connection.grant if just_read else _read(connection)
    check_usable(grant.connection)
    now = clock.now()
    still_good = grant.expires_at is not None and now < grant.expires_at
    wait = _seconds_to_next_refresh(grant)
    if wait > 0:
        if still_good:
            return opened(grant, "access_token")
        if grant.failures:
            raise delayed(wait)
    try:
        return opened(renewed(grant, wait=not still_good), "access_token")
    except Problem as problem:
        if still_good and problem.retryable:
            return opened(grant, "access_token")
        raise


def token_to_check(connection: Connection) -> str:
    """A token to ask the provider with, also of a connection in `error`: that is renewed first, if it may be now.

    Raises Problem as access_token; reconnection_needed when the provider says that the grant is over.
    """
    if connection.status != Connection.Status.ERROR:
        return access_token(connection)
    grant = _read(connection)
    check_usable(grant.connection, broken=True)
    stored = opened(grant, "access_token")
    if (grant.failures and _seconds_to_next_refresh(grant) > 0) or not _may_renew(grant):
        return stored
    try:
        return opened(renewed(grant, wait=True, broken=True), "access_token")
    except Problem as problem:
        if problem.retryable:
            return stored
        raise


def replace_refused_token(connection: Connection, *, refused: str, reason: str = "") -> str:
    """A token other than the one the provider has just refused.

    Raises Problem as access_token, and that of still_refused where it was renewed often enough in this minute.
    """
    grant = _read(connection)
    check_usable(grant.connection)
    current = opened(grant, "access_token")
    if current != refused:
        return current
    if grant.failures and (wait := _seconds_to_next_refresh(grant)) > 0:
        raise delayed(wait)
    if not _may_renew(grant):
        raise still_refused(connection, reason=reason, refused=refused)
    return opened(renewed(grant, wait=True), "access_token")


def still_refused(connection: Connection, *, reason: str, refused: str) -> Problem:
    """Return the Problem of a token that is refused although its grant was renewed.

    For some minutes that may pass (access_refused_for_now, retryable); then only a person can help: the connection goes
    to `error`, and the agency is told once. refused: the access token that the provider does not take; when the
    connection was reconnected meanwhile it has another one and stays active. Raises Problem when it is unusable.
    """
    grant = _read(connection)
    check_usable(grant.connection)
    if opened(grant, "access_token") != refused:
        return delayed(1.0)
    now = clock.now()
    since = _spell(grant, now)
    if now - since >= REFUSED_FOR and grant.refreshed_at is not None and grant.refreshed_at >= since:
        return break_off(connection, generation=grant.generation, reason=reason)
    return Problem(
        "access_refused_for_now",
        "The provider rejects the access token that it has just renewed; retrying.",
        status=503,
        provider_status=401,
        retryable=True,
        detail={"reasons": [reason]} if reason else {},
        retry_after=min(max((now - since).total_seconds(), _SOONEST), _LATEST),
    )


def accepted(connection: Connection) -> None:
    """End a spell of refusals, if `connection.grant` was in one when it was read."""
    if connection.grant.refused_since is not None:
        Grant.objects.filter(connection=connection).update(refused_since=None, refused_at=None)
        connection.grant.refused_since = None


def _read(connection: Connection) -> Grant:
    return Grant.objects.select_related("connection").get(connection=connection)


def _spell(grant: Grant, now: datetime) -> datetime:
    """Record a refusal; return when the series of refusals that it belongs to began."""
    mine = Grant.objects.filter(pk=grant.pk)
    new = Q(refused_at__isnull=True) | Q(refused_at__lt=now - _SPELL_ENDS_AFTER)
    if mine.filter(new).update(refused_since=now, refused_at=now):
        return now
    mine.update(refused_at=now)
    return mine.values_list("refused_since", flat=True).get() or now


def _may_renew(grant: Grant) -> bool:
    """Return whether the grant may be refreshed now, and count it: refusals in a loop must not flood the provider."""
    now = clock.now()
    taken = max(grant.renewals_until or now, now)
    if taken > now + (_RENEWALS_AT_ONCE - 1) * _ONE_RENEWAL:
        return False
    # Where another process has counted one meanwhile, it renews for both.
    same = Grant.objects.filter(pk=grant.pk, renewals_until=grant.renewals_until)
    same.update(renewals_until=taken + _ONE_RENEWAL)
    return True


def _seconds_to_next_refresh(grant: Grant) -> float:
    return (grant.next_refresh_at - clock.now()).total_seconds() if grant.next_refresh_at else 0.0
