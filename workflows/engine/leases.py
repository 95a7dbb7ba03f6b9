"""The leases of events and runs (those of calls: workflows.calls.leases)."""

from datetime import timedelta

from core.db.hot.leases import PreparedLease
from workflows.models import Event, Run


class EventLease(PreparedLease[Event]):
    """The lease of an event whose runs are made. Events have no holder: the count of attempts tells it."""

    length = timedelta(seconds=30)
    held = ("status", "attempts")


class RunLease(PreparedLease[Run]):
    """The lease of a run, claimed anew each time a worker takes the run up."""

    length = timedelta(seconds=30)
    counter = "claims"
    seen = ("status", "position", "started_at")
