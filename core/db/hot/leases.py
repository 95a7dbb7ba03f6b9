"""Leases of the busiest rows: as core.db.leases, by prepared SQL, also as parts of a batch."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from core.db.hot import rows
from core.db.hot.batch import Batch
from core.db.leases import Lease, LeaseLost, Row, until_of


class PreparedLease(Lease[Row]):
    """A lease written by prepared SQL, alone or as a part of a batch."""

    @classmethod
    def _take(cls, row: Row, now: datetime, seen: dict[str, Any], taken: dict[str, Any], *also: Q) -> bool:
        if also:
            raise TypeError("prepared SQL compares columns with values only")
        until = until_of(row)
        if until is not None and until >= now:
            return False
        # An earlier attempt may have taken the whole server down, so only a first one goes without the disk.
        take = rows.update if seen[cls.counter] else rows.claim
        return take(row, {"lease_until": until, **seen}, taken)

    def write(self, **fields: Any) -> None:
        with Batch() as batch:
            self.put(batch, **fields)

    def put(self, batch: Batch, **fields: Any) -> None:
        """Add `write` to a batch, which raises LeaseLost when it runs."""
        batch.update(self.row, self._held, fields, LeaseLost(self.row))

    def hold(self, batch: Batch) -> None:
        """Lock the row until the batch is written, so that all of the batch is written under the lease."""
        batch.hold(self.row, self._held, LeaseLost(self.row))
