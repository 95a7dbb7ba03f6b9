"""Turns: what workers do for one row in the background, with several requests to a provider, under one lease."""

import time
from typing import TypeVar

from django.db.models import Model

from core.db.leases import LONGEST_WAIT, Lease
from core.errors import Problem

Row = TypeVar("Row", bound=Model)
# After this no further request begins: a process whose work in flight takes 180 seconds is ended
# (workflows.queue.in_flight).
_LONGEST_SECONDS = 60.0


class TurnLease(Lease[Row]):
    """A row claimed for one turn, in which a request begins in the first 60 seconds only."""

    length = LONGEST_WAIT

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self._until = time.monotonic() + _LONGEST_SECONDS

    def keep(self) -> None:
        """Renew the lease before a request. Raise LeaseLost, or Problem if the provider was too slow for this turn."""
        if time.monotonic() > self._until:
            words = "The provider timed out. Retrying later."
            raise Problem("provider_timeout", words, status=502, retryable=True)
        self.renew()
