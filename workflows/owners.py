"""Whom an action call serves: told at the moments of an attempt that concern it (workflows.attempts)."""

from collections.abc import Callable

from workflows.models import ActionCall, Run


class OwnerLost(Exception):
    """What the call serves has gone on without it, by another worker's hand."""


class Owner:
    """Of a call that stands by itself, asked for over the API or by a person.

    run: whose step the call is, if it is one's. before_request: called before each request, to show life.
    """

    run: Run | None = None

    def __init__(self, before_request: Callable[[], None] = lambda: None) -> None:
        self.before_request = before_request

    def save(self, call: ActionCall) -> None:
        """Write the call down for the first time, with what belongs to it, in one transaction."""
        call.save(force_insert=True)

    def completed(self, call: ActionCall) -> None:
        """Write down what follows, in the transaction that stores the result. OwnerLost, also at its end, undoes that;
        then the result is stored alone.
        """
