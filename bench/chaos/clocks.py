"""A node whose clock jumps, beside one whose clock is right: leases and waits must not believe it."""

import itertools
import threading
import time
from pathlib import Path

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.stack import Stack, wait_for

_EVENTS = 200 if SHORT else 1500
_PER_SECOND = 15.0
_JUMPS = ("+600", "-600", "0", "+45", "-45", "+3600", "0")  # seconds beside the right time
_EACH = 2.0
_ANSWERS_AFTER = 0.3


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
    sender = Sender(lanes_of(everybody, incidents(stack, 60), _EVENTS), _PER_SECOND, ports=(stack.port, other.port))
    over = threading.Event()
    jumping = threading.Thread(target=_jump, args=(clock, over))
    sender.start()
    jumping.start()
    sender.wait()
    over.set()
    jumping.join()
    empty_after = empty(stack, time.monotonic())
    found = counts.count(stack, sender.accepted)
    print(found)
    print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
    print(stack.rows("select status,count(*) from workflows_run group by 1"))
    return []


def _jump(clock: Path, over: threading.Event) -> None:
    for to in itertools.cycle(_JUMPS):
        clock.write_text(to)
        if over.wait(_EACH):
            break
    clock.write_text("0")
