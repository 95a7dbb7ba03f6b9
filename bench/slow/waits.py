"""From the receiver's 202 to the action's arrival at a slow provider, beside a fast one, at a steady rate."""

from typing import Any

from bench import latency, notes
from bench.figures import SHORT, Row, at_most, percentile
from bench.slow import provider
from bench.stack import Stack

DELAY, PER_SECOND = 0.3, 20
TURNS, SECONDS = (2, 6) if SHORT else (3, 15)
RATIO, P99_MS = 1.5, 500.0
_WARM_UP = 80
EVENTS = _WARM_UP + 2 * TURNS * SECONDS * PER_SECOND


def measure(stack: Stack, kind: str, ways: list[tuple[dict[str, Any], str]]) -> list[Row]:
    """Measure the ratio of both medians, and the slow one's p99. ways: tenant and incident of EVENTS events."""
    to = [
        (notes.Listener(tenant["id"], tenant["url"], tenant["secret"]), incident) for tenant, incident in ways
    ]
    latency.send(stack, to[:_WARM_UP], per_second=PER_SECOND // 2)
    begin, each = _WARM_UP, SECONDS * PER_SECOND
    waits: dict[float, list[float]] = {0.0: [], DELAY: []}
    for _ in range(TURNS):
        for delay in waits:
            provider.delay(stack, delay)
            turn = latency.send(stack, to[begin : begin + each], per_second=PER_SECOND)
            p50, p99 = (percentile(turn, percent) * 1000 for percent in (50, 99))
            print(
                f"     {delay:g} s a call, {PER_SECOND} events/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms",
                flush=True,
            )
            waits[delay] += turn
            begin += each
    name = f"{kind}, {PER_SECOND} events/s, {DELAY:g} s a call: accepted to request received"
    ratio = percentile(waits[DELAY], 50) / percentile(waits[0.0], 50)
    return [
        at_most(f"{name}, p50 beside that with 0 s", RATIO, ratio, "times"),
        at_most(f"{name}, p99", P99_MS, percentile(waits[DELAY], 99) * 1000, "ms"),
    ]
