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
_SANDBOX = "pagerduty_sandbox"


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
        before = stack.processor_seconds(_SANDBOX)
        stack.python("-m", "bench.waiting", "release")
        wait_for("every note", lambda: stack.sandbox("GET", "state")["notes"] >= RUNS, 120)
        theirs = stack.processor_seconds(_SANDBOX) - before
        got = sorted(notes.received(stack).values())
    seconds = got[-1] - got[0]
    raw, own = RUNS / seconds, RUNS / (seconds - theirs / _WORKERS)
    print(
        f"     {RUNS} runs in {seconds:.2f} s, {raw:.0f} a second; the sandbox took {theirs:.2f} s of processor time"
    )
    return [at_least(f"{kind}: one-step runs drained, without the sandbox's time", PER_SECOND, own, "runs/s")]
