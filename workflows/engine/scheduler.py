"""The engine: finds runs that are due, one per workflow and lane at a time, in order, and has them walked."""

import random
import time
import uuid

import structlog

from core.db import clock
from core.db.hot import rows
from workflows.engine import executor, lease
from workflows.models import Run
from workflows.queue import claims, metrics
from workflows.queue.fair_scheduling import Turns

log = structlog.get_logger(__name__)

# Finding what is due costs the more the more there is, so that much is found at once; but what else waits has its
# turn after a second, and a list of which other workers have taken the next ones is looked up afresh.
_AT_ONCE = 100
_SECONDS_AT_ONCE = 1.0
_LOST_IN_A_ROW = 3
_FEW = 4
_TURNS = Turns(
    table="workflows_run",
    part="workflow_id",
    open="status IN ('pending', 'running', 'waiting', 'paused') AND version_id IS NOT NULL",
    busy="status IN ('pending', 'running', 'waiting') AND version_id IS NOT NULL",
    busy_order="due_at",
    worth="(SELECT due_at FROM {table} WHERE {busy} AND workspace_id = hop.workspace"
    " ORDER BY due_at LIMIT 1) <= %(now)s",
    due="(lease_until IS NULL OR lease_until < %(now)s) AND status <> 'paused' AND due_at <= %(now)s",
)
# What has to be unchanged for a run to be taken up.
_SEEN = ("status", "position", "claims", "lease_until", "started_at")


def advance_due(until: float, limit: int = _AT_ONCE) -> int:
    """Walk runs that are due as far as they go, for a second or so. Return how many were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    taken = lost = 0
    enough = min(until, time.monotonic() + _SECONDS_AT_ONCE)
    for run in _from_anywhere(_due(limit)):
        if time.monotonic() > enough or lost == _LOST_IN_A_ROW:
            break
        holder = _claim(run)
        if holder is None:
            lost += 1
            continue
        taken, lost = taken + 1, 0
        try:
            executor.Walk(run, holder).go(until)
            metrics.walked(run)
        except (lease.RunLost, claims.LeaseLost):
            log.warning("run_taken_over", run=str(run.id))
        except Exception:
            # Our own fault: the lease stays, so the next try comes when it has run out; executor.MAX_CLAIMS ends it.
            log.exception("run_broke", run=str(run.id))
    return taken


def anything_due() -> bool:
    return Run.objects.tests_due(clock.now()).exists() or bool(_TURNS.next(1))


def _due(limit: int) -> list[Run]:
    """Runs that a worker may take up: due, not held, and the first of their lane; workspaces in turn."""
    tests = Run.objects.tests_due(clock.now()).values_list("seq", flat=True)
    order = [*tests[: limit // 2], *_TURNS.next(limit)][:limit]
    # Another worker may have taken one since; what is seen here is what `_claim` holds against.
    # By primary keys, one table after the other: joined, a planner that does not know the tables yet reads all events.
    runs = Run.objects.due(clock.now()).filter(seq__in=order).prefetch_related("version", "event__trigger")
    place = {seq: number for number, seq in enumerate(order)}
    return sorted(runs, key=lambda run: place[run.seq])


def _from_anywhere(runs: list[Run]) -> list[Run]:
    """All of them, beginning somewhere: workers that look at the same moment do not all want the same one next."""
    begin = random.randrange(len(runs)) if len(runs) > _FEW else 0  # noqa: S311 - nothing depends on it
    return runs[begin:] + runs[:begin]


def _claim(run: Run) -> uuid.UUID | None:
    holder, now = uuid.uuid4(), clock.now()
    until = now + lease.LEASE
    as_seen = {name: getattr(run, name) for name in _SEEN}
    taken = {
        "status": Run.Status.RUNNING,
        "claims": run.claims + 1,
        "lease_holder": holder,
        "lease_until": until,
        "started_at": run.started_at or now,
    }
    # One that was taken up before may have taken the whole server down with it: that has to be remembered.
    take = rows.update if run.claims else rows.claim
    if not take(run, as_seen, taken):
        return None
    run.claims, run.lease_until = run.claims + 1, until
    return holder
