"""The lease of an action call, which also covers a call that is not saved yet, and the owner that the call serves."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.db.models import Q

from core.db import clock
from core.db.hot.batch import Batch
from core.db.hot.leases import PreparedLease
from core.db.leases import RELEASED, LeaseLost
from workflows.calls.context import Owner
from workflows.models import ActionCall

Status = ActionCall.Status


class CallLease(PreparedLease[ActionCall]):
    """A call that this process has claimed, saved or not yet.

    Each method raises LeaseLost, and writes nothing, once another worker has the call or what an unsaved call serves.
    """

    length = timedelta(seconds=30)

    def __init__(self, call: ActionCall) -> None:
        super().__init__(call)
        self.owner = Owner()

    @classmethod
    def claim_new(cls, call: ActionCall) -> Self:
        """Fill in an unsaved call as claimed for its first attempt, so that saving it is also claiming it."""
        call.status = Status.RUNNING
        call.attempts = 1
        call.next_attempt_at = None
        call.lease_holder = uuid.uuid4()
        call.lease_until = clock.now() + cls.length
        return cls(call)

    @classmethod
    def claim(cls, row: ActionCall, *also: Q, **values: Any) -> Self | None:
        """Claim an open call for one more attempt, as Lease.claim, and read it again. Not within a transaction.

        A first claim does not wait for the disk; the write-ahead that follows it does, for both.
        """
        if row.finished:
            return None
        claimed = super().claim(row, *also, status=Status.RUNNING, next_attempt_at=None, **values)
        if claimed is not None:
            # An attempt whose lease had expired may have written until just now.
            row.refresh_from_db()
        return claimed

    @property
    def unsaved(self) -> bool:
        return self.row._state.adding

    def keep(self) -> None:
        """Renew, before a request, the leases of the owner and of the call."""
        self.owner.before_request()
        if self.unsaved:
            self.row.lease_until = clock.now() + self.length
        else:
            super().keep()

    def hold(self, batch: Batch) -> None:
        """Lock the call, and what it serves, until the batch is written."""
        self.owner.hold(batch)
        self._hold_call(batch)

    def write(self, **fields: Any) -> None:
        """Change the row, or save it; a status other than `running` gives the lease back."""
        with Batch() as batch:
            if self.unsaved:
                self.owner.hold(batch)
            self.put(batch, **fields)

    def put(self, batch: Batch, **fields: Any) -> None:
        """Like `write`, as a part of a batch, behind `hold`."""
        if fields.get("status", Status.RUNNING) != Status.RUNNING:
            fields |= RELEASED
        if self.unsaved:
            self.owner.save(batch, self.row, fields)
        else:
            super().put(batch, **fields)

    def complete(self, result: dict[str, Any]) -> None:
        """Write the result together with what follows from it; alone if what the call serves is lost."""
        try:
            with Batch() as batch:
                self._hold_call(batch)
                self.owner.completed(batch, self.row)
                self.put(batch, **result)
        except LeaseLost as lost:
            if lost.row is not self.row:
                self.write(**result)
            raise

    def _hold_call(self, batch: Batch) -> None:
        if not self.unsaved:
            super().hold(batch)
