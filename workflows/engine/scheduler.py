"""The scheduler: begins runs that are due, one per workflow and lane at a time, workspaces in turn at each start."""

import time
from functools import partial

import structlog

from core.db import clock
from core.db.hot import prepared, rows
from core.db.leases import FREE_SQL, LeaseLost
from workflows.engine import executor
from workflows.engine.candidates import Candidates
from workflows.engine.leases import RunLease
from workflows.models import Run
from workflows.queue import in_flight, metrics
from workflows.queue.fair_scheduling import FairSchedule

log = structlog.get_logger(__name__)

# Finding what is due costs the more the more there is, so that much is found at once; but what else waits has its
# turn after a second.
_AT_ONCE = 100
_SECONDS_AT_ONCE = 1.0
_LOST_IN_A_ROW = 3
_WALK_SECONDS = 20.0
SCHEDULE = FairSchedule(
    table="workflows_run",
    part="workflow_id",
    open="status IN ('pending', 'running', 'waiting', 'paused') AND version_id IS NOT NULL",
    busy="status IN ('pending', 'running', 'waiting') AND version_id IS NOT NULL",
    busy_order="due_at",
    worth="(SELECT due_at FROM {table} WHERE {busy} AND workspace_id = hop.workspace"
    " ORDER BY due_at LIMIT 1) <= %(now)s",
    due=f"{FREE_SQL} AND status <> 'paused' AND due_at <= %(now)s",
)

_OPEN_IN_LANE = f"""SELECT 1 FROM workflows_run
WHERE {SCHEDULE.open} AND workspace_id = %s AND workflow_id = %s AND lane = %s LIMIT 1"""  # noqa: S608 - names of our own


def advance_due(until: float) -> int:
    """Walk runs that are due, one after the other, for a second or so. Return how many were taken up.

    until: `time.monotonic()` after which nothing new is begun.
    """
    candidates = Candidates(SCHEDULE)
    candidates.look(_AT_ONCE)
    begun, _ = _begin(candidates, until)
    return begun


def begin_due(until: float, candidates: Candidates, *, fresh: bool, look_every: float) -> bool:
    """Begin runs that are due where there is room, for a second or so. Return whether more may be due.

    until: `time.monotonic()` after which nothing new is begun. candidates: kept from call to call. fresh: something
    new may be due, and comes before what was found earlier. look_every: seconds between looks while what was found
    has no room.
    """
    if fresh:
        candidates.look(_AT_ONCE)
    _, exhausted = _begin(candidates, until)
    if exhausted and not fresh and (not candidates or candidates.age() >= look_every):
        candidates.look(_AT_ONCE)
        _, exhausted = _begin(candidates, until)
    return bool(candidates) or not exhausted or candidates.cut


def _begin(candidates: Candidates, until: float) -> tuple[int, bool]:
    """Begin those that have room. Return how many were begun, and whether it was all of them."""
    begun = lost = 0
    enough = min(until, time.monotonic() + _SECONDS_AT_ONCE)
    place = in_flight.current()
    while time.monotonic() < enough:
        taken = candidates.take(place)
        if taken is None:
            return begun, True
        run, reserved = taken
        walk = in_flight.claimed(reserved, partial(_claim, run))
        if walk is not None:
            begun, lost = begun + 1, 0
            reserved.begin(partial(_walk, walk))
        else:
            lost += 1
            if lost == _LOST_IN_A_ROW:
                candidates.forget()
                return begun, False
    return begun, False


def anything_due() -> bool:
    return Run.objects.tests_due(clock.now()).exists() or bool(SCHEDULE.next(1))


def _claim(run: Run) -> executor.Walk | None:
    begun = run.started_at is not None
    lease = RunLease.claim(run, status=Run.Status.RUNNING, started_at=run.started_at or clock.now())
    return None if lease is None else executor.Walk(lease, begun=begun)


def _walk(walk: executor.Walk) -> bool:
    """Walk the run. Return whether that may have made a run due: this one again, or the next one of its lane."""
    try:
        walk.go(time.monotonic() + _WALK_SECONDS)
        metrics.walked(walk.run)
        return walk.run.finished_at is None or _lane_goes_on(walk.run)
    except LeaseLost:
        log.warning("run_taken_over", run=str(walk.run.id))
    except Exception:
        # Our own fault: the lease stays, so the next try comes when it has run out; executor.MAX_CLAIMS ends it.
        log.exception("run_broke", run=str(walk.run.id))
    return True


def _lane_goes_on(run: Run) -> bool:
    """Return whether something is open in the lane of a run that has ended."""
    lane = {"workspace": run.workspace_id, "workflow": run.workflow_id, "lane": run.lane}
    with prepared.run(_OPEN_IN_LANE, rows.stored(Run, lane)) as cursor:
        return bool(cursor.fetchall())
