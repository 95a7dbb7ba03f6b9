"""Whom an action call serves: told at the moments of an attempt that concern it (workflows.calls.attempt)."""

from collections.abc import Callable
from typing import Any

from core.db.hot import rows
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

    def hold(self) -> None:
        """What the call serves stays whose it is until all is written that is written in one (core.db.hot.batch).

        Raises OwnerLost there when it is another worker's by now.
        """

    def save(self, call: ActionCall, fields: dict[str, Any]) -> None:
        """Write the call down for the first time, with these values and what belongs to it, in one."""
        rows.insert(call, fields)

    def completed(self, call: ActionCall) -> None:
        """Write down what follows, in one with the result that is written behind it. Raises OwnerLost, before anything
        is written, where `hold` would.
        """
