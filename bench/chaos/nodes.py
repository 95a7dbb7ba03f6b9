"""Two nodes on one PostgreSQL and one Redis; one of them is killed whole, as by a power cut."""

import time

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.servers import OwnRedis
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.ports import free_port
from bench.stack import Stack, wait_for

_EVENTS = 300 if SHORT else 2000
_PER_SECOND = 15.0 if SHORT else 30.0


def measure(port: int) -> list[Row]:
    with OwnRedis(free_port()) as redis:
        env = {"CACHE_URL": redis.url, "NODE_NAME": "a"}
        stack = Stack("postgresql", port, env=env)
        other = stack.another_node(port + 5, "b")
        try:
            # Both start on an empty database at the same moment; one of them migrates it.
            other.launch()
            stack.start()
            wait_for("the other node", other.ready)
            return _measure(stack, other)
        finally:
            other.close()
            stack.close()


def _measure(stack: Stack, other: Stack) -> list[Row]:
    everybody = tenants(stack, [f"Client {number}" for number in range(4)])
    lanes = lanes_of(everybody, incidents(stack, 40), _EVENTS)
    sender = Sender(lanes, _PER_SECOND, ports=(stack.port, other.port))
    sender.start()
    wait_for("half of them", lambda: len(sender.accepted) >= _EVENTS // 2, 300, every=0.05)
    wait_for("runs", lambda: counts.finished(stack) > 0, 300)
    beats = stack.rows("SELECT COUNT(*) FROM workflows_heartbeat WHERE name IN ('a', 'b')")[0][0]
    other.kill()
    killed = time.monotonic()
    sender.wait()
    empty_after = empty(stack, killed)
    print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
    name = f"two nodes, {_EVENTS} events, one node killed"
    return [
        at_least(f"{name}: nodes at work before", 2, beats, "nodes"),
        exactly(f"{name}: accepted in the end", _EVENTS, len(sender.accepted), "events"),
        *counts.rows(name, counts.count(stack, sender.accepted)),
        at_most(f"{name}: queue empty after the kill", EMPTY_WITHIN, empty_after, "s"),
    ]
