"""Leases: one worker at a time works on a row, and only the holder of the lease writes it.

Each kind of leased row is a subclass of `Lease`, or of `core.db.hot.leases.PreparedLease` on the path of deliveries and
runs. Its model has a column `lease_until` and, if `held` names it, `lease_holder`.
"""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Self, TypeVar

from django.db.models import Model, Q

from core.db import clock

Row = TypeVar("Row", bound=Model)

# The same condition as `free`, for SQL that is written by hand.
FREE_SQL = "(lease_until IS NULL OR lease_until < %(now)s)"
# The columns of a released row, also for changes that end a row while a worker holds it.
RELEASED: Mapping[str, None] = {"lease_holder": None, "lease_until": None}
# A request takes at most 22 seconds (pagerduty_app.client.http.transport).
_LEFT_FOR_A_REQUEST = timedelta(seconds=25)
# With the wait for a database connection behind the request, to store what it brought (core.db.lending).
LONGEST_WAIT = timedelta(seconds=90)


def free(now: datetime) -> Q:
    """Return the condition of rows that can be claimed: never leased, released, or with an expired lease."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def is_free(row: Any, now: datetime) -> bool:
    """Return whether `free` holds of a row that was read."""
    return row.lease_until is None or bool(row.lease_until < now)


def held(now: datetime) -> Q:
    """Return the condition of rows that a living worker holds: the opposite of `free`."""
    return Q(lease_until__gte=now)


class LeaseLost(Exception):
    """Another worker has taken the row over, or the row has ended; this worker must stop. row: the one it held."""

    def __init__(self, row: Model) -> None:
        super().__init__(f"{row._meta.model_name} {row.pk}")
        self.row = row


class Lease(Generic[Row]):
    """A claimed row. Once the lease is lost, each method raises LeaseLost and changes nothing.

    length: how long a claim or renewal lasts, at least. counter: the column that counts attempts, "" for none. seen:
    columns that must be as they were read for a claim to succeed. held: columns that must be as the claim left them for
    a write to succeed; their values tell this holder from a later one.
    """

    length: ClassVar[timedelta]
    counter: ClassVar[str] = "attempts"
    seen: ClassVar[tuple[str, ...]] = ("status",)
    held: ClassVar[tuple[str, ...]] = ("lease_holder", "status")

    def __init__(self, row: Row) -> None:
        self.row = row
        self._held = {name: getattr(row, name) for name in self.held}

    @classmethod
    def claim(cls, row: Row, *also: Q, **values: Any) -> Self | None:
        """Take the lease of a row as it was read, count the attempt, and set `values`, by one compare-and-set.

        The attempt is counted before the work, so one that kills its worker is counted. also: further
        conditions. Return None, with row and object unchanged, if another worker holds the row or it has changed.
        """
        now = clock.now()
        seen = {name: getattr(row, name) for name in cls.seen}
        taken = {**values}
        if "lease_holder" in cls.held:
            taken["lease_holder"] = uuid.uuid4()
        if cls.counter:
            seen[cls.counter] = getattr(row, cls.counter)
            taken[cls.counter] = seen[cls.counter] + 1
        taken["lease_until"] = now + cls._length_of(taken.get(cls.counter, 1))
        if not cls._take(row, now, seen, taken, *also):
            return None
        _set(row, taken)
        return cls(row)

    @classmethod
    def _take(cls, row: Row, now: datetime, seen: dict[str, Any], taken: dict[str, Any], *also: Q) -> bool:
        rows = type(row)._default_manager.filter(free(now), *also, pk=row.pk, **seen)
        return bool(rows.update(**taken))

    def keep(self) -> None:
        """Renew the lease before a request, if less is left of it than the request may take."""
        until = until_of(self.row)
        if until is None or until - clock.now() < _LEFT_FOR_A_REQUEST:
            self.renew()

    def renew(self, **fields: Any) -> None:
        """Begin the length of the lease anew, and set `fields`."""
        self.write(**self.renewed(), **fields)

    def renewed(self) -> dict[str, datetime]:
        """Return the columns of a renewal at this moment."""
        attempts = getattr(self.row, self.counter) if self.counter else 1
        return {"lease_until": clock.now() + self._length_of(attempts)}

    @classmethod
    def _length_of(cls, attempts: int) -> timedelta:
        """Return the length of a lease: that of a further attempt is drawn at random, up to twice as long.

        Rows whose worker was stopped by one of them were claimed at one moment. With equal leases they would come back
        at one moment, too, and the one that stops its worker would take the others with it each time.
        """
        return cls.length if attempts <= 1 else cls.length * (1 + random.random())  # noqa: S311 - nothing secret

    def release(self, **fields: Any) -> None:
        """Give the lease back, and set `fields`."""
        self.write(
            **{name: None for name in RELEASED if name == "lease_until" or name in self.held}, **fields
        )

    def write(self, **fields: Any) -> None:
        """Set `fields` on the row, and on the object, while the lease is held."""
        if not type(self.row)._default_manager.filter(pk=self.row.pk, **self._held).update(**fields):
            raise LeaseLost(self.row)
        _set(self.row, fields)
        # A holder that moves the status on goes on holding the row; one that gives up the lease does not.
        self._held |= {name: fields[name] for name in self._held if name in fields and name != "lease_holder"}


def until_of(row: Model) -> datetime | None:
    """Return when the lease of a leased row expires, as far as the object knows."""
    until: datetime | None = row.__dict__["lease_until"]
    return until


def _set(row: Model, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
