"""Shared parts of the proofs: tenants, incidents, and waiting until everything is done."""

import json
import time
from typing import Any

from bench import notes
from bench.chaos import counts
from bench.stack import Stack, wait_for

EMPTY_WITHIN = 300.0


def tenants(stack: Stack, names: list[str], *, own_users: bool = False) -> list[dict[str, Any]]:
    """Create a trigger and a workflow for each name of a workspace; see bench.chaos.world."""
    stack.seed()
    notes.lift_rate_limit(stack)
    arguments = ["-m", "bench.chaos.world", *(["own-users"] if own_users else [])]
    made: list[dict[str, Any]] = json.loads(stack.python(*arguments, stdin=json.dumps(names)))
    return made


def incidents(stack: Stack, number: int) -> list[str]:
    made: list[str] = stack.sandbox("POST", "incidents", {"count": number, "silent": True})["incidents"]
    return made


def empty(stack: Stack, since: float) -> float:
    """Return the seconds from `since` (time.monotonic()) until the queue was empty, or the time-out."""
    try:
        wait_for("the queue to be empty", lambda: not counts.unfinished(stack), EMPTY_WITHIN + 60, every=0.5)
    except TimeoutError as error:
        print(f"     {error}")
    return time.monotonic() - since
