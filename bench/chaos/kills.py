"""The main proof: thousands of events while one process after the other is killed."""

import contextlib
import statistics
import time
from dataclasses import dataclass, replace

import requests

from bench import notes
from bench.chaos import counts
from bench.chaos.killer import Killer
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.slow import provider
from bench.stack import Stack


@dataclass(frozen=True)
class _Size:
    events: int
    incidents: int
    workspaces: int
    kills: int
    per_second: float

    def part(self, of: int) -> "_Size":
        parts = (max(one // of, 1) for one in (self.events, self.incidents, self.kills))
        events, incidents, kills = parts
        return replace(
            self, events=events, incidents=incidents, kills=kills, workspaces=max(self.workspaces // of, 2)
        )


_SIZES = {
    "postgresql": _Size(20_000, 400, 50, 100, 45.0),
    "sqlite": _Size(3_000, 60, 10, 25, 25.0),
}
# As a provider on the internet takes.
_USUAL_SECONDS = 0.3
# What is in flight is the runs a second times the seconds of a call, so that a hundred need slow calls, an incident
# each, and many connections, each of which has room for eight at once (core.node_slots).
SLOW_SECONDS = 10.0
IN_FLIGHT = 100
# Of a short run, too, the kills hit all task workers and one of them.
_SLOW_SEED = 48
_MANY_WITHIN = 60.0
_SLOW_SIZES = {
    "postgresql": _Size(600, 500, 24, 2, 100.0) if SHORT else _Size(6_000, 600, 40, 30, 60.0),
    "sqlite": _Size(600, 500, 24, 2, 100.0) if SHORT else _Size(3_000, 600, 40, 15, 60.0),
}


def measure(kind: str, port: int) -> list[Row]:
    """Kill parts of the product under traffic."""
    size = _SIZES[kind].part(20) if SHORT else _SIZES[kind]
    return _measure(kind, port, size, answers_after=_USUAL_SECONDS)


def at_a_slow_provider(kind: str, port: int) -> list[Row]:
    """Kill parts of the product while hundreds of requests are on their way."""
    size = _SLOW_SIZES[kind]
    return _measure(kind, port, size, answers_after=SLOW_SECONDS, wanted=IN_FLIGHT, seed=_SLOW_SEED)


def _measure(
    kind: str, port: int, size: _Size, *, answers_after: float, wanted: int = 0, seed: int = 3
) -> list[Row]:
    """Kill under traffic.

    answers_after: seconds that the provider takes for each call. wanted: requests in flight that each kill waits for.
    """
    events, kills, in_flight = size.events, size.kills, list[int]()
    with Stack(kind, port) as stack:
        names = [f"Client {number}" for number in range(size.workspaces)]
        everybody = tenants(stack, names, own_users=True)
        sender = Sender(lanes_of(everybody, incidents(stack, size.incidents), events), size.per_second)

        def settle() -> None:
            notes.lift_rate_limit(stack)
            provider.delay(stack, answers_after)

        def before_each() -> None:
            if wanted:
                in_flight.append(_many_on_the_way(stack))

        settle()
        begin = time.monotonic()
        # With many in flight the kills come in the first half, so that enough are left for each of them.
        share = events / 2 if wanted else events
        with Killer(
            stack,
            kills,
            lambda: counts.finished(stack) / share,
            settle=settle,
            before_each=before_each,
            seed=seed,
        ) as killer:
            sender.start()
            killer.run()
            sender.wait()
            empty_after = empty(stack, killer.last)
        print(f"     {events} events in {time.monotonic() - begin:.0f} s; killed: {dict(killer.killed)}")
        print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
        found = counts.count(stack, sender.accepted)
    name = f"{kind}, {events} events, {kills} kills, {answers_after:g} s a call"
    return [
        *_figures_of(name, in_flight),
        exactly(f"{name}: accepted in the end", events, len(sender.accepted), "events"),
        *counts.rows(name, found),
        exactly(f"{name}: deliveries refused with a 4xx", 0, sender.dropped, "deliveries"),
        at_most(f"{name}: queue empty after the last kill", EMPTY_WITHIN, empty_after, "s"),
    ]


def _many_on_the_way(stack: Stack) -> int:
    """Return how many requests are on their way, once they are IN_FLIGHT or _MANY_WITHIN is over."""
    end, number = time.monotonic() + _MANY_WITHIN, 0
    while number < IN_FLIGHT and time.monotonic() < end:
        with contextlib.suppress(requests.RequestException):  # the sandbox may just be restarting
            number = provider.on_the_way(stack)
        time.sleep(0.05)
    return number


def _figures_of(name: str, in_flight: list[int]) -> list[Row]:
    if not in_flight:
        return []
    print(f"     in flight at the kills: {in_flight}", flush=True)
    median = statistics.median(in_flight)
    return [at_least(f"{name}: in flight at the kills, median", IN_FLIGHT, median, "requests")]
