"""Processor time of one event with one note, in each part of the product, at steady rates."""

import threading
import time
from typing import Self

from bench import latency, notes
from bench.figures import SHORT, Row, at_most
from bench.slow import provider
from bench.stack import Stack

PACES, DELAY = (20, 60), 0.3
SECONDS, IDLE_SECONDS = (15, 10) if SHORT else (30, 30)
_WARM_UP = 80
EVENTS = _WARM_UP + SECONDS * sum(PACES)
# Milliseconds. Beside other programs the same work takes twice the processor time that it takes alone.
WANTED = {"web server": 10.0, "workers": 60.0, "database": 30.0}
_EVERY = 1.0


def measure(kind: str, port: int) -> list[Row]:
    """Measure the milliseconds of each part for an event, what the part needs at rest included. kind: see Stack."""
    with Stack(kind, port) as stack:
        tenants = provider.tenants(stack, EVENTS)
        ways = [
            (notes.Listener(tenant["id"], tenant["url"], tenant["secret"]), incident)
            for tenant, incident in provider.ways(stack, tenants, EVENTS)
        ]
        provider.delay(stack, DELAY)
        latency.send(stack, ways[:_WARM_UP], per_second=PACES[0])
        with Spent(stack) as idle:
            time.sleep(IDLE_SECONDS)
        for part, seconds in idle.seconds.items():
            print(f"     {part}, idle: {seconds / idle.elapsed * 1000:.1f} ms a second", flush=True)
        rows, begin = list[Row](), _WARM_UP
        for pace in PACES:
            events = ways[begin : begin + pace * SECONDS]
            begin += len(events)
            with Spent(stack) as busy:
                latency.send(stack, events, per_second=pace)
            for part, wanted in WANTED.items():
                name = f"{kind}, {pace} events/s: processor time of an event, {part}"
                rows.append(at_most(name, wanted, busy.seconds[part] / len(events) * 1000, "ms"))
    return rows


class Spent:
    """Processor seconds of each part inside the block. PostgreSQL's own background processes are not in them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.seconds: dict[str, float] = {}
        self.elapsed = 0.0

    def __enter__(self) -> Self:
        self._begin, self._began = self._look(), time.monotonic()
        self._watcher.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._watcher.join()
        self.elapsed = time.monotonic() - self._began
        end = self._look()
        self.seconds = {part: end[part] - self._begin[part] for part in end}

    def _look(self) -> dict[str, float]:
        return {
            "web server": self._stack.processor_seconds("taskjuice.rsgi"),
            "workers": self._stack.processor_seconds("qcluster"),
            "database": self._stack.database_seconds(),
        }

    def _watch(self) -> None:
        """See each database connection before it ends, as each does after a minute."""
        while not self._over.wait(_EVERY):
            self._stack.database_seconds()
