"""The slow provider: the sandbox, delayed, and many workspaces that each use it as a user of their own."""

import time
from typing import Any

from bench.chaos import traffic
from bench.stack import Stack

WORKSPACES = 40
# The fan-out may make at most 600 runs a minute of one workflow (workflows.runs.safety_limit).
_RUNS_OF_ONE = 500


def delay(stack: Stack, seconds: float) -> None:
    """Let each note take that long from now on; 0 for as fast as the sandbox is."""
    stack.sandbox("DELETE", "faults")
    if seconds:
        rule = {"kind": "delay", "method": "POST", "path": "/notes$", "seconds": seconds}
        stack.sandbox("POST", "faults", {"rules": [rule]})


def on_the_way(stack: Stack) -> int:
    """Return the number of notes that the sandbox was asked for in the last minute and has not answered yet."""
    rows = stack.sandbox("GET", f"requests?since={time.time() - 60}")["requests"]
    return sum("status" not in row and row["path"].endswith("/notes") for row in rows)


def tenants(stack: Stack, runs: int) -> list[dict[str, Any]]:
    """Create WORKSPACES workspaces, each with a connection of its own user, and triggers for so many runs at once."""
    each = -(-runs // (WORKSPACES * _RUNS_OF_ONE))
    names = [f"Client {number}" for number in range(WORKSPACES)] * each
    return traffic.tenants(stack, names, own_users=True)


def ways(stack: Stack, tenants: list[dict[str, Any]], events: int) -> list[tuple[dict[str, Any], str]]:
    """Return the tenant, in turn, and the incident of each event; each incident has one event."""
    incidents = traffic.incidents(stack, events)
    return [(tenants[number % len(tenants)], incident) for number, incident in enumerate(incidents)]
