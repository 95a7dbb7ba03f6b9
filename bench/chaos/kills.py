"""The main proof: thousands of events while one process after the other is killed."""

import time

from bench.chaos import counts
from bench.chaos.killer import Killer
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_most, exactly
from bench.stack import Stack

# kind: events, incidents, workspaces, kills, events a second
_SIZES = {
    "postgresql": (20_000, 400, 50, 100, 45.0),
    "sqlite": (3_000, 60, 10, 25, 25.0),
}


def measure(kind: str, port: int) -> list[Row]:
    events, lanes, workspaces, kills, pace = _SIZES[kind]
    if SHORT:
        events, lanes, workspaces, kills = (max(one // 20, 1) for one in (events, lanes, workspaces, kills))
        workspaces = max(workspaces, 2)
    with Stack(kind, port) as stack:
        everybody = tenants(stack, [f"Client {number}" for number in range(workspaces)])
        sender = Sender(lanes_of(everybody, incidents(stack, lanes), events), pace)
        begin = time.monotonic()
        with Killer(stack, kills, lambda: counts.finished(stack) / events) as killer:
            sender.start()
            killer.run()
            sender.wait()
            empty_after = empty(stack, killer.last)
        print(f"     {events} events in {time.monotonic() - begin:.0f} s; killed: {dict(killer.killed)}")
        print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
        found = counts.count(stack, sender.accepted)
    name = f"{kind}, {events} events, {kills} kills"
    return [
        exactly(f"{name}: accepted in the end", events, len(sender.accepted), "events"),
        *counts.rows(name, found),
        exactly(f"{name}: deliveries refused with a 4xx", 0, sender.dropped, "deliveries"),
        at_most(f"{name}: queue empty after the last kill", EMPTY_WITHIN, empty_after, "s"),
    ]
