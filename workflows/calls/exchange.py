"""The exchange of an attempt: everything that an action asks of the provider with one access token.

An exchange writes no call, step or run. It reaches the database in two places only: `provider_access.Meter`, which
keeps the lease and counts each request before it leaves, and stores what the response says of the limit (`Tally` does
the same in memory); and `context.Caller`, when an action asks for equal calls or stores the progress of a listing.
"""

from datetime import datetime, timedelta
from typing import Any

from core.db import clock
from workflows.calls.context import Caller
from workflows.catalog import ActionType, Effect, Json


class NotSettled(Exception):
    """The last request may still take effect at the provider, which shows nothing of it yet. until: when it cannot."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Exchange:
    """One action on one call's input. api: what the provider's integration opened with the token.

    Each method raises ProviderError, and Exhausted where no further request may be sent now.
    """

    def __init__(self, action: ActionType, api: Any, data: Json, caller: Caller) -> None:
        self._action = action
        self._api = api
        self._data = data
        self._caller = caller
        self.baseline: Json | None = None  # see Prepared

    def recover(self) -> Json | None:
        """Return the output of an earlier request whose outcome is unknown; None if there is none to be found.

        Raises NotSettled if one may still come.
        """
        if not self._caller.sent_before or self._action.recover is None:
            return None
        looked_at = clock.now()
        recovered = self._action.recover(self._api, self._data, self._caller)
        if recovered is None and (until := self._caller.unsettled_until(looked_at)) is not None:
            raise NotSettled(until)
        return recovered

    def prepare(self) -> Json | None:
        """Check the input against the provider's present state. Return the output if nothing is left to send."""
        if self._action.check is not None:
            self._action.check(self._api, self._data, self._caller)
        if self._action.prepare is None:
            return None
        prepared = self._action.prepare(self._api, self._data, self._caller)
        self._data, self.baseline = prepared.data, prepared.baseline
        return prepared.output

    def effects(self) -> list[Effect]:
        """Return the events that will report the write."""
        return self._action.effects(self._api, self._data, self._caller) if self._action.effects else []

    def settles_in(self) -> timedelta:
        """Return how long a request without a response may still take effect."""
        return self._action.settles_in(self._data)

    def send(self) -> Json:
        """Send the request, or read what is asked for. Return the output."""
        return self._action.perform(self._api, self._data, self._caller)
