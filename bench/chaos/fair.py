"""Fair scheduling: a burst in one workspace, and the delay of another workspace's events."""

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly, percentile
from bench.stack import Stack, wait_for

_BURST = 1000 if SHORT else 10_000
_QUIET = 10
# A workflow begins at most 600 runs a minute (workflows.runs.safety_limit), so that many have to share the burst.
_RUNS_OF_ONE = 500
_WAITS = """SELECT run.finished_at, event.received_at FROM workflows_event event
  LEFT JOIN workflows_run run ON run.event_id = event.seq WHERE event.trigger_id = '{}'"""
_DELAY_SECONDS = 5.0


def measure(port: int) -> list[Row]:
    with Stack("postgresql", port) as stack:
        *busy, quiet = tenants(stack, ["Busy"] * -(-_BURST // _RUNS_OF_ONE) + ["Quiet"])
        burst = Sender(lanes_of(busy, incidents(stack, _BURST // 5), _BURST, twice=0.0), 10_000.0)
        few = Sender(lanes_of([quiet], incidents(stack, _QUIET), _QUIET, twice=0.0), 2.0)
        burst.start()
        wait_for("most of the burst", lambda: len(burst.accepted) > _BURST * 0.8, 600, every=0.05)
        few.start()
        few.wait()
        backlog = counts.unfinished(stack)
        wait_for("the ten", lambda: _waits(stack, quiet["id"]), 120)
        waits = _waits(stack, quiet["id"])
        still = counts.unfinished(stack)
        burst.wait()
        wait_for("the burst", lambda: not counts.unfinished(stack), 10 * EMPTY_WITHIN, every=1.0)
        found = counts.count(stack, [*burst.accepted, *few.accepted])
    print(f"     {backlog} waited when the ten came, {still} when they were done", flush=True)
    name = f"burst of {_BURST} in one workspace"
    return [
        at_least(f"{name}: still waiting when another's ten were done", 1, still, "events and runs"),
        at_most(f"{name}: another's ten, accepted to done, p99", _DELAY_SECONDS, percentile(waits, 99), "s"),
        exactly(f"{name}: lost", 0, found.lost, "events"),
        exactly(f"{name}: out of order", 0, found.out_of_order, "runs"),
    ]


def _waits(stack: Stack, trigger: str) -> list[float]:
    """Return the seconds from stored to done of each event of the trigger; [] while one is not done."""
    rows = stack.rows(_WAITS.format(trigger))
    if len(rows) < _QUIET or any(finished is None for finished, _ in rows):
        return []
    return [(finished - received).total_seconds() for finished, received in rows]
