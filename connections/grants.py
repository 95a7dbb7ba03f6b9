"""Grants: the only place that hands out a token."""

from connections import clock
from connections.grant_state import break_off, check_usable, delayed, opened
from connections.models import Connection, Grant
from connections.problems import Problem
from connections.renewal import renewed


def access_token(connection: Connection, *, just_read: bool = False) -> str:
    """A token that is good for the next minutes. just_read: `connection.grant` was read a moment ago, with it.

    Raises Problem: see check_usable; grant_refresh_delayed and grant_unreadable (both retryable) when there is
    none to be had just now.
    """
    grant = (
        connection.grant
        if just_read
        else Grant.objects.select_related("connection").get(connection=connection)
    )
    check_usable(grant.connection)
    now = clock.now()
    still_good = grant.expires_at is not None and now < grant.expires_at
    wait = (grant.next_refresh_at - now).total_seconds() if grant.next_refresh_at else 0.0
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


def replace_refused_token(connection: Connection, *, refused: str) -> str:
    """A token other than the one the provider has just refused. Raises Problem as access_token."""
    grant = Grant.objects.select_related("connection").get(connection=connection)
    check_usable(grant.connection)
    current = opened(grant, "access_token")
    return current if current != refused else opened(renewed(grant, wait=True), "access_token")


def give_up(connection: Connection, *, reason: str, refused: str) -> Problem:
    """Only a person can help now: move the connection to `error`, tell the agency once.

    refused: the access token that the provider does not take; when the connection was reconnected meanwhile
    it has another one and stays active. Answers the Problem to raise; raises it when the connection is already
    unusable.
    """
    grant = Grant.objects.select_related("connection").get(connection=connection)
    check_usable(grant.connection)
    if opened(grant, "access_token") != refused:
        return delayed(1.0)
    return break_off(connection, generation=grant.generation, reason=reason)
