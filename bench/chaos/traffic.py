"""What the proofs have in common: tenants, incidents, and waiting until everything is done."""

import json
import time
from typing import Any

from bench import notes
from bench.chaos import counts
from bench.stack import Stack, wait_for

EMPTY_WITHIN = 300.0


def tenants(stack: Stack, names: list[str]) -> list[dict[str, Any]]:
    """A trigger and a workflow for each name of a workspace; see bench.chaos.world."""
    stack.seed()
    notes.lift_rate_limit(stack)
    made: list[dict[str, Any]] = json.loads(stack.python("-m", "bench.chaos.world", stdin=json.dumps(names)))
    return made


def incidents(stack: Stack, number: int) -> list[str]:
    made: list[str] = stack.sandbox("POST", "incidents", {"count": number, "silent": True})["incidents"]
    return made


def empty(stack: Stack, since: float) -> float:
    """Seconds from `since` (time.monotonic()) until nothing was left to do; as many as were waited if it never was."""
    try:
        wait_for("the queue to be empty", lambda: not counts.unfinished(stack), EMPTY_WITHIN + 60, every=0.5)
    except TimeoutError as error:
        print(f"     {error}")
    return time.monotonic() - since
