"""Access to a provider's API: with a valid token, and counted against the rate limit of the connection."""

from collections.abc import Callable
from typing import Any, TypeVar

from connections.grants import tokens
from connections.grants.rate_limit import Allowance, Budget, Exhausted
from connections.models import Connection
from core.db import clock
from core.errors import Problem
from workflows import catalog
from workflows.catalog import ProviderError

Answer = TypeVar("Answer")

# A wait that is worth a moment of a worker's or a reader's time; longer ones are rows that wait.
MOMENT = 0.5
# In the middle of something that would have to begin anew.
IN_THE_MIDDLE = 10.0


class Meter:
    """Counts the requests of one use of a connection (with its grant).

    before: called ahead of each. patience: seconds a request may wait for its turn; background: see Budget.
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

    def reserve_in_one(self) -> None:
        """Like `reserve` without waiting, in the same batch as other writes (batch.in_one). NoRoom is raised there."""
        if not self._in_hand:
            self._budget.take_in_one(self._reserved)

    def _reserved(self) -> None:
        self._in_hand = 1

    def _patience_now(self) -> float:
        """Return how long to wait: longer for a listing that has begun than for one that has not."""
        return max(self._patience, IN_THE_MIDDLE) if self._background and self._asked else self._patience

    def on_request(self) -> None:
        """Call `before` and count the request. Raise Exhausted, and any exception of `before`."""
        self._before()
        self.reserve()
        self._in_hand = 0
        self._asked += 1

    def on_answer(self, allowance: Allowance) -> None:
        self._budget.answered(allowance)


class Tally:
    """Counts where the database is out of reach: in the threads of look-ups. `settle` it where it is not."""

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
        """Count what was asked, of which the first was taken beforehand."""
        budget.add(self._requests - 1)
        for allowance in self._answers:
            budget.answered(allowance)


def open_api(connection: Connection, token: str, meter: Meter | Tally) -> Any:
    """What the actions, look-ups and the like of the connection's provider work with."""
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


def as_problem(spent: Exhausted) -> Problem:
    """Why something has to wait, in words, and for how long."""
    retry_after = max(0.0, spent.at - clock.now().timestamp())
    message = (
        "Rate limited by the provider; requests resume at the time it named."
        if spent.blocked
        else f"The provider’s limit of {spent.per_minute} requests a minute is used up; requests resume automatically."
    )
    return Problem("request_budget_spent", message, status=429, retryable=True, retry_after=retry_after)
