"""Asking a provider on behalf of a trigger, in the background: with a token that works, or with a Problem."""

from collections.abc import Callable
from typing import Any, TypeVar

from connections import grant_state, grants
from connections.models import Connection
from connections.problems import Problem
from workflows import catalog
from workflows.catalog import ProviderError, Subscriber
from workflows.webhooks import wishes

T = TypeVar("T")


def ask(connection: Connection, act: Callable[[Subscriber, Any], T], before_each: Callable[[], None]) -> T:
    """What `act(subscriber, api)` answers; it is called a second time when the provider did not take the token.

    before_each: called before each request. Raises ProviderError, or Problem when the connection cannot be used.
    """
    grant_state.check_usable(connection)
    integration = catalog.integration(connection.provider)
    if integration.subscriber is None or not wishes.allowed(connection):
        raise Problem(
            "missing_scope",
            "This connection was not, or is no longer, allowed to see and change webhooks. Reconnect and ask for it.",
            status=403,
        )
    token = grants.access_token(connection)
    connection.used()
    try:
        return act(integration.subscriber, integration.open_api(connection.region, token, before_each))
    except ProviderError as error:
        if not error.credential:
            raise
    token = grants.replace_refused_token(connection, refused=token)
    try:
        return act(integration.subscriber, integration.open_api(connection.region, token, before_each))
    except ProviderError as error:
        if error.credential:
            raise grants.give_up(connection, reason=error.message, refused=token) from None
        raise
