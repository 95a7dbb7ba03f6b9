"""Counts of waiting runs by reason, for /metrics. Each query reads a bounded number of rows."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from core.db.literals import literally
from workflows.models import ActionCall, Run
from workflows.models.runs import OPEN
from workflows.queue import busy_connections
from workflows.queue.busy_connections import Step
from workflows.queue.waiting import RATE_LIMITED, Reason, first_of_lane

# Reasons that are counted. The others are the work itself (response) or wait for a person's decision.
COUNTED = (
    Reason.EARLIER_RUN,
    Reason.RATE_LIMIT,
    Reason.RETRY,
    Reason.WORKER,
    Reason.CONNECTION_BUSY,
    Reason.CONNECTION,
)


@dataclass(frozen=True)
class Counts:
    """Waiting runs, tests of drafts aside. by_reason: of each reason of COUNTED.

    oldest_ready: since when the oldest run is due that waits for a worker alone; None without one.
    """

    by_reason: dict[Reason, int]
    oldest_ready: datetime | None


def count(now: datetime, most: int) -> Counts:
    """Count the waiting runs. most: how many due runs, waiting calls and paused runs are looked at."""
    # Only the first of a lane ever waits for a time.
    found = Run.objects.real().due(now).annotate(ahead=first_of_lane()).order_by()[:most]
    due = found.values_list("workspace_id", "version_id", "position", "due_at", "ahead")
    rows = [(Step(*row[:3]), row[3]) for row in due if row[4] is None]
    at_steps = Counter(step for step, _ in rows)
    held_up = busy_connections.that_wait(at_steps, now)
    busy = sum(at_steps[step] for step in held_up)
    later = _later_attempts(now)
    limited = later.filter(error__status=RATE_LIMITED)[:most].count()
    by_reason = {
        Reason.EARLIER_RUN: len(due) - len(rows),
        Reason.WORKER: len(rows) - busy,
        Reason.CONNECTION_BUSY: busy,
        Reason.RATE_LIMIT: limited,
        Reason.RETRY: later[:most].count() - limited,
        Reason.CONNECTION: Run.objects.real().filter(blocked_on__isnull=False).order_by()[:most].count(),
    }
    oldest = min((due_at for step, due_at in rows if step not in held_up), default=None)
    return Counts(by_reason, oldest)


def _later_attempts(now: datetime) -> QuerySet[ActionCall]:
    """The calls of runs that wait for a time."""
    open_ = literally("workflows_actioncall", "status", OPEN)
    waiting = ActionCall.objects.filter(
        open_, status=ActionCall.Status.WAITING, next_attempt_at__gt=now, origin=ActionCall.Origin.STEP
    )
    run = {"step_run__run__status": Run.Status.WAITING, "step_run__run__version__isnull": False}
    return waiting.filter(**run).order_by()
