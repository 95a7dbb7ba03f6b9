"""Access to a provider's API: with a valid token, and counted against the rate limit of the connection."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from connections.grants import state, tokens
from connections.grants.request_budget import Allowance, Budget
from connections.models import Connection
from core.db import lending
from core.db.hot.batch import Batch
from core.errors import Problem
from workflows import catalog
from workflows.catalog import ProviderError

Answer = TypeVar("Answer")

# A wait that is worth a moment of a worker's or a reader's time; longer ones are rows that wait.
MOMENT = 0.5
# In the middle of something that would have to begin anew.
IN_THE_MIDDLE = 10.0
# A lease that was kept is held for 25 seconds more (core.db.leases): a request that leaves later may be the second.
_LEAVES_WITHIN = 20.0


class Meter:
    """Counts the requests of one use of a connection (with its grant), in the database while they are made.

    before: called before each request, to keep a lease. patience: seconds a request may wait for its turn; background:
    see Budget.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        before: Callable[[], None] = lambda: None,
        background: bool = False,
        patience: float = MOMENT,
    ) -> None:
        self._budget = Budget(connection, background=background)
        self._before = before
        self._background = background
        self._patience = patience
        self._in_hand = 0
        self._asked = 0

    def reserve(self) -> None:
        """Count the next request ahead of time, so that nothing is undone if it has to wait. Raise Exhausted."""
        if not self._in_hand:
            self._budget.take(patience=self._patience_now())
            self._reserved()

    def reserve_in(self, batch: Batch) -> None:
        """Like `reserve` without waiting, as a part of the batch, which raises NoRoom."""
        if not self._in_hand:
            self._budget.take_in(batch, self._reserved)

    def _reserved(self) -> None:
        self._in_hand = 1

    def _patience_now(self) -> float:
        """Return how long to wait: longer for a listing that has begun than for one that has not."""
        return max(self._patience, IN_THE_MIDDLE) if self._background and self._asked else self._patience

    def on_request(self) -> float:
        """Count the request and call `before`. Return until when it may leave, by `time.monotonic()`.

        Raises Exhausted, and any exception of `before`.
        """
        self.reserve()
        self._in_hand = 0
        asked_at = time.monotonic()
        self._before()  # last: waiting for its turn takes time of a lease
        self._asked += 1
        lending.give_back()
        return asked_at + _LEAVES_WITHIN

    def on_answer(self, allowance: Allowance) -> None:
        """Take note of the allowance; the body of the response may be still to come."""
        self._budget.answered(allowance)
        lending.give_back()


class Tally:
    """Counts requests in memory, in threads that do not use the database. `settle` then stores the count."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before
        self._requests = 0
        self._answers: list[Allowance] = []

    def on_request(self) -> None:
        self._before()
        self._requests += 1

    def on_answer(self, allowance: Allowance) -> None:
        self._answers = [allowance]

    def settle(self, budget: Budget) -> None:
        """Store the count and the last limit that the provider told. The first request was counted beforehand."""
        budget.add(self._requests - 1)
        for allowance in self._answers:
            budget.answered(allowance)


def check_usable(connection: Connection, *scopes: str, needed_by: str) -> None:
    """Raise Problem if the connection cannot be used: connection_pending, reconnection_needed, connection_revoked; or
    missing_scope, which names the scopes that were not granted.

    connection: with its grant. scopes: one each, or several with spaces between. needed_by: what needs them, for the
    message.
    """
    state.check_usable(connection)
    integration = catalog.integration(connection.provider)
    granted = connection.grant.scopes_granted
    missing = [one for scope in scopes for one in scope.split() if not integration.covers(one, granted)]
    if missing:
        raise Problem(
            "missing_scope",
            f"This connection was not granted {', '.join(missing)}, which {needed_by} needs. Reconnect and grant it.",
            status=403,
            detail={"scope": " ".join(missing)},
        )


def open_api(connection: Connection, token: str, meter: Meter | Tally) -> Any:
    """Return what the actions and look-ups of the connection's provider receive as `api`."""
    integration = catalog.integration(connection.provider)
    return integration.open_api(connection.region, token, meter.on_request, meter.on_answer)


def authorised(
    connection: Connection,
    ask: Callable[[str], Answer],
    *,
    just_read: bool = False,
    on_refusal: Callable[[], None] = lambda: None,
) -> Answer:
    """Return what `ask` makes of a token; one that the provider does not take is replaced once.

    connection: with its grant. just_read: see tokens.access_token. on_refusal: called after each refusal. Raises
    Problem (connection_*, grant_*, access_refused_for_now when the new token is not taken either), and what `ask`
    raises.
    """
    token = tokens.access_token(connection, just_read=just_read)
    connection.used()
    try:
        answer = ask(token)
    except ProviderError as error:
        if not error.credential:
            raise
        on_refusal()
        token = tokens.replace_refused_token(connection, refused=token, reason=error.message)
        answer = _once_more(connection, ask, token, on_refusal)
    tokens.accepted(connection)
    return answer


def _once_more(
    connection: Connection, ask: Callable[[str], Answer], token: str, on_refusal: Callable[[], None]
) -> Answer:
    try:
        return ask(token)
    except ProviderError as error:
        if not error.credential:
            raise
        on_refusal()
        raise tokens.still_refused(connection, reason=error.message, refused=token) from None
