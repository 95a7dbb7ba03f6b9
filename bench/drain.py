"""How fast the workers get through runs that have piled up while they were stopped."""

import json
import time

from bench import notes
from bench.figures import SHORT, Row, at_least
from bench.stack import Stack, wait_for

RUNS = 600 if SHORT else 3000
PER_SECOND = 300.0
_WORKERS = 2


def measure(kind: str, port: int) -> list[Row]:
    """One-step runs a second, the sandbox's own time excluded. kind: see Stack.

    A worker waits while the sandbox works for it, so the sandbox's processor time, shared by the workers, is
    what its work has cost them. Counted from the first note the sandbox got to the end of the last run.
    """
    with Stack(kind, port) as stack:
        stack.env["TASK_WORKERS"] = str(_WORKERS)
        ways = notes.prepare(stack, RUNS)
        stack.stop()
        waiting = stack.python(
            "-m", "bench.waiting", stdin=json.dumps([[way.id, incident] for way, incident in ways])
        )
        if int(waiting) != RUNS:
            raise RuntimeError(f"{waiting.strip()} runs wait instead of {RUNS}")
        stack.start()
        stack.sandbox("POST", "settings", {"rate_limit": notes.PER_MINUTE})
        wait_for("every note", lambda: len(notes.received(stack)) == RUNS, 120)
        theirs = stack.processor_seconds("pagerduty_sandbox")
        got = sorted(notes.received(stack).values())
    seconds = got[-1] - got[0]
    raw, own = RUNS / seconds, RUNS / (seconds - theirs / _WORKERS)
    print(
        f"     {RUNS} runs in {seconds:.2f} s, {raw:.0f} a second; the sandbox had {theirs:.2f} s of processor time"
    )
    return [at_least(f"{kind}: one-step runs drained, without the sandbox's time", PER_SECOND, own, "runs/s")]
