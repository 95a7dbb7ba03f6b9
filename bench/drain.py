"""How fast the workers get through runs that have piled up while they were stopped."""

import json
import time

from bench import notes
from bench.figures import SHORT, Row, at_least
from bench.stack import Stack, wait_for

RUNS = 600 if SHORT else 3000
PER_SECOND = 300.0
_WORKERS = 2
_SETTLES_IN = 3.0
_WHOSE = ("sandbox", "workers", "database")


def measure(kind: str, port: int) -> list[Row]:
    """One-step runs a second, the sandbox's own time excluded. kind: see Stack.

    A worker waits while the sandbox works for it, so the sandbox's processor time, shared by the workers, is
    what its work has cost them. Counted from the first note the sandbox got to the last.
    """
    with Stack(kind, port) as stack:
        stack.env["TASK_WORKERS"] = str(_WORKERS)
        ways = notes.prepare(stack, RUNS)
        stack.stop()
        events = json.dumps([[way.id, incident] for way, incident in ways])
        waiting = int(stack.python("-m", "bench.waiting", "make", stdin=events))
        if waiting != RUNS:
            raise RuntimeError(f"{waiting} runs wait instead of {RUNS}")
        stack.start()
        notes.lift_rate_limit(stack)
        time.sleep(_SETTLES_IN)
        before = _seconds(stack)
        stack.python("-m", "bench.waiting", "release")
        wait_for("every note", lambda: stack.sandbox("GET", "state")["notes"] >= RUNS, 120, every=1.0)
        used = [now - then for now, then in zip(_seconds(stack), before, strict=True)]
        got = sorted(notes.received(stack).values())
    seconds = got[-1] - got[0]
    raw, own = RUNS / seconds, RUNS / (seconds - used[0] / _WORKERS)
    each = [f"{name} {used / RUNS * 1000:.2f} ms" for name, used in zip(_WHOSE, used, strict=True)]
    print(
        f"     {RUNS} runs in {seconds:.2f} s, {raw:.0f} a second; processor time of each: {', '.join(each)}"
    )
    return [at_least(f"{kind}: one-step runs drained, without the sandbox's time", PER_SECOND, own, "runs/s")]


def _seconds(stack: Stack) -> list[float]:
    """Processor time so far, in the order of _WHOSE."""
    return [*map(stack.processor_seconds, ("pagerduty_sandbox", "qcluster")), stack.database_seconds()]
