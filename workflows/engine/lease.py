"""Leases of runs: only the worker that holds the lease writes the row."""

import uuid
from datetime import timedelta
from typing import Any

from core.db import clock
from core.db.hot import rows
from workflows.calls.owners import OwnerLost
from workflows.models import Run
from workflows.queue import wakeup

LEASE = timedelta(seconds=30)
_LEFT_FOR_A_REQUEST = timedelta(seconds=25)


class RunLost(OwnerLost):
    """Another worker has taken this run over."""


class RunLease:
    """A run that this worker has claimed. Every method raises RunLost once another one has taken it over."""

    def __init__(self, run: Run, holder: uuid.UUID) -> None:
        self.run = run
        self.holder = holder

    def keep(self) -> None:
        """Called before each request: shows life, and leaves the request the time that it may take."""
        wakeup.still_alive()
        until = self.run.lease_until
        if until is None or until - clock.now() < _LEFT_FOR_A_REQUEST:
            self.renew()

    def renew(self) -> None:
        self.write(lease_until=clock.now() + LEASE)

    def to_next_step(self) -> None:
        self.write(position=self.run.position + 1, claims=1, lease_until=clock.now() + LEASE)

    def give_back(self, **fields: Any) -> None:
        self.write(lease_holder=None, lease_until=None, **fields)

    def hold(self) -> None:
        """It stays ours until all is written that is written in one (core.db.hot.batch)."""
        rows.hold(self.run, self._ours(), self._lost())

    def write(self, **fields: Any) -> None:
        rows.change(self.run, self._ours(), fields, self._lost())

    def _ours(self) -> dict[str, Any]:
        return {"lease_holder": self.holder, "status": Run.Status.RUNNING}

    def _lost(self) -> RunLost:
        return RunLost(str(self.run.id))
