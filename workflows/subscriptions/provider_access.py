"""Background requests to a provider on behalf of a trigger: with a valid token, or a Problem."""

from collections.abc import Callable
from typing import Any, TypeVar

from connections.grants import state
from connections.grants.request_budget import Exhausted
from connections.models import Connection
from core.errors import Problem
from workflows import catalog
from workflows.calls import problems, provider_access
from workflows.catalog import Subscriber
from workflows.subscriptions import requests

T = TypeVar("T")


def ask(connection: Connection, act: Callable[[Subscriber, Any], T], before_each: Callable[[], None]) -> T:
    """Return the result of `act(subscriber, api)`; it is called again when the provider rejected the token.

    before_each: called before each request. Raise ProviderError, or Problem when the connection cannot be used or its
    rate limit is reached.
    """
    state.check_usable(connection)
    subscriber = catalog.integration(connection.provider).subscriber
    if subscriber is None or not requests.allowed(connection):
        raise Problem(
            "missing_scope",
            "This connection lacks permission to view and manage webhooks. Reconnect to request it.",
            status=403,
        )
    meter = provider_access.Meter(connection, before=before_each, background=True)
    try:
        return provider_access.authorised(
            connection, lambda token: act(subscriber, provider_access.open_api(connection, token, meter))
        )
    except Exhausted as spent:
        raise problems.of_spent_budget(spent) from None
