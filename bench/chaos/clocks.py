"""A node with a wrong, jumping clock beside one with a right clock: nothing is delayed or done twice."""

import itertools
import threading
import time
from pathlib import Path

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.stack import Stack

_EVENTS = 200 if SHORT else 1500
_PER_SECOND = 15.0
# Offsets in seconds from the right time; a lease lasts 30 (workflows.engine.scheduler, workflows.calls.leases).
_JUMPS = (600, -600, 0, 45, -45, 3600, 0)
_EACH_FOR = 2.0
# So that requests are in flight when the clock jumps.
_ANSWERS_AFTER = 0.3
_AT_WORK = "SELECT COUNT(*) FROM workflows_heartbeat WHERE name = 'jumping'"
_OF_ANOTHER_TIME = """SELECT COUNT(*) FROM workflows_event event JOIN workflows_run run ON run.event_id = event.seq
WHERE NOT (event.received_at BETWEEN '{begin}' AND now() AND run.due_at BETWEEN '{begin}' AND now() + interval '40 s'
AND run.started_at BETWEEN '{begin}' AND now())"""


def measure(port: int) -> list[Row]:
    with Stack("postgresql", port) as stack:
        clock = stack.log.parent / "clock"
        clock.write_text("0")
        other = stack.another_node(port + 5, "jumping")
        other.env |= {"DJANGO_SETTINGS_MODULE": "bench.chaos.clocked", "CLOCK": str(clock)}
        try:
            other.start()
            return _measure(stack, other, clock)
        finally:
            other.close()


def _measure(stack: Stack, other: Stack, clock: Path) -> list[Row]:
    everybody = tenants(stack, [f"Client {number}" for number in range(4)])
    slow = {"kind": "delay", "method": "POST", "path": "/notes$", "seconds": _ANSWERS_AFTER, "times": 100_000}
    stack.sandbox("POST", "faults", {"rules": [slow]})
    lanes = lanes_of(everybody, incidents(stack, 60), _EVENTS)
    sender = Sender(lanes, _PER_SECOND, ports=(stack.port, other.port))
    [(begin,)] = stack.rows("SELECT now()")
    over = threading.Event()
    jumping = threading.Thread(target=_jump, args=(clock, over))
    sender.start()
    jumping.start()
    sender.wait()
    over.set()
    jumping.join()
    empty_after = empty(stack, time.monotonic())
    found = counts.count(stack, sender.accepted)
    print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
    name = f"two nodes, {_EVENTS} events, one clock jumps"
    return [
        exactly(f"{name}: accepted", _EVENTS, len(sender.accepted), "events"),
        at_least(f"{name}: the other node at work", 1, stack.rows(_AT_WORK)[0][0], "nodes"),
        exactly(
            f"{name}: rows with its time", 0, stack.rows(_OF_ANOTHER_TIME.format(begin=begin))[0][0], "rows"
        ),
        *counts.rows(name, found),
        at_most(f"{name}: queue empty", EMPTY_WITHIN, empty_after, "s"),
    ]


def _jump(clock: Path, over: threading.Event) -> None:
    """Let the clock jump; end with the right time."""
    for seconds in itertools.cycle(_JUMPS):
        clock.write_text(str(seconds))
        if over.wait(_EACH_FOR):
            break
    clock.write_text("0")
