"""The clock that leases, waits and the order of things go by: the database's, where that is a server.

A lease that one machine wrote is judged by all of them, and their clocks differ and jump. So each process asks the
database for the time whenever it connects (core.db.postgresql), and counts on from there by the machine's monotonic
clock. With SQLite there is one machine, and its time is taken as it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

# Counts while the machine sleeps, too; where there is no such clock (it is Linux's), one that does not.
_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# What is known may be wrong by half the time that its answer took, and a little by how clocks drift in a minute.
_DRIFT_SECONDS = 0.05
# A busy machine may answer slowly several times in a row.
_ASKED_AT_MOST = 5


@dataclass(frozen=True)
class _Known:
    """The database's time when the machine had been running so long."""

    at: datetime
    running: float


_known: _Known | None = None


def now() -> datetime:
    """Aware, in UTC."""
    known = _known
    if known is None:
        return timezone.now()
    return known.at + timedelta(seconds=running() - known.running)


def running() -> float:
    """Seconds, of use only beside each other."""
    return time.clock_gettime(_RUNNING)


def ask(database_time: Callable[[], datetime]) -> None:
    """Learn from the database's time, which is asked for again while the answer takes so long that it says little."""
    for _ in range(_ASKED_AT_MOST):
        asked = running()
        if learn(database_time(), asked):
            return


def learn(at: datetime, asked: float) -> bool:
    """The database says that it is `at`. asked: `running()` when it was asked. Return whether the answer was quick.

    What is known stays where a slow answer does not contradict it: then that knows no better.
    """
    global _known  # noqa: PLW0603 - one clock for the process, whichever thread connects
    answered = running()
    told = _Known(at.astimezone(UTC), (asked + answered) / 2)
    may_be_off = (answered - asked) / 2 + _DRIFT_SECONDS
    quick = answered - asked < _DRIFT_SECONDS
    if _known is None or quick or _apart(told, _known) > may_be_off:
        _known = told
    return quick


def _apart(one: _Known, other: _Known) -> float:
    """Seconds."""
    return abs((one.at - other.at).total_seconds() - (one.running - other.running))
