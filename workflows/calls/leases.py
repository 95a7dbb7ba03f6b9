"""Leases of requests: only the worker that holds the lease writes the row."""

import uuid
from datetime import timedelta
from typing import Any

from core.db import clock
from core.db.hot import batch, rows
from workflows.calls.owners import Owner, OwnerLost
from workflows.models import ActionCall
from workflows.queue.claims import LEASE, LeaseLost

_LEFT_FOR_A_REQUEST = timedelta(seconds=25)
Status = ActionCall.Status


class CallLease:
    """A call that this process has claimed, saved or not yet.

    Every method raises LeaseLost once another one has taken it over, and before it is saved OwnerLost where what it
    serves has been; then nothing is written.
    """

    def __init__(self, call: ActionCall, holder: uuid.UUID, owner: Owner) -> None:
        self.call = call
        self.holder = holder
        self.owner = owner

    @property
    def unsaved(self) -> bool:
        return self.call._state.adding

    def keep(self) -> None:
        """Called before each request: shows life, and leaves the request the time that it may take."""
        self.owner.before_request()
        now = clock.now()
        if self.unsaved:
            self.call.lease_until = now + LEASE
        elif self.call.lease_until is None or self.call.lease_until - now < _LEFT_FOR_A_REQUEST:
            self.write(lease_until=now + LEASE)

    def write(self, **fields: Any) -> None:
        """Change the row, or save it; a status other than `running` gives the lease back."""
        with batch.in_one():
            if self.unsaved:
                self.owner.hold()
            self.put(fields)

    def hold(self) -> None:
        """It, and what it serves, stay whose they are until all is written that is written in one."""
        self.owner.hold()
        self._hold_call()

    def put(self, fields: dict[str, Any]) -> None:
        """As `write`, in one with more, behind `hold`."""
        if fields.get("status", Status.RUNNING) != Status.RUNNING:
            fields = {**fields, "lease_holder": None, "lease_until": None}
        if self.unsaved:
            self.owner.save(self.call, fields)
        else:
            rows.change(self.call, self._ours(), fields, self._lost())

    def complete(self, result: dict[str, Any]) -> None:
        """Write the result down in one with what follows from it; where what it serves is lost, alone."""
        try:
            with batch.in_one():
                self._hold_call()
                self.owner.completed(self.call)
                self.put(result)
        except OwnerLost:
            self.write(**result)
            raise

    def _hold_call(self) -> None:
        if not self.unsaved:
            rows.hold(self.call, self._ours(), self._lost())

    def _ours(self) -> dict[str, Any]:
        return {"lease_holder": self.holder, "status": Status.RUNNING}

    def _lost(self) -> LeaseLost:
        return LeaseLost(self.call.key)
