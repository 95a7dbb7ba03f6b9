"""PostgreSQL or Redis unavailable for a while under traffic."""

import time
from collections.abc import Callable
from typing import Any

from bench.chaos import counts
from bench.chaos.sender import Sender, lanes_of
from bench.chaos.servers import OwnPostgres, OwnRedis
from bench.chaos.traffic import EMPTY_WITHIN, empty, incidents, tenants
from bench.figures import SHORT, Row, at_most, exactly
from bench.ports import free_port
from bench.stack import Stack

AWAY_SECONDS = 10.0 if SHORT else 30.0
_PER_SECOND = 15.0
_BEFORE_AND_AFTER = 5.0


def postgres(port: int) -> list[Row]:
    """Stop PostgreSQL: only 2xx or 503 meanwhile, and nothing lost."""
    with OwnPostgres(free_port()) as server, Stack("", port, database=server.url) as stack:
        name = f"PostgreSQL down for {AWAY_SECONDS:.0f} s"
        return _measure(stack, name, server.stop, server.start, allowed={"202", "503"})


def redis(port: int) -> list[Row]:
    """Kill Redis: only 2xx meanwhile, and nothing lost."""
    with OwnRedis(free_port()) as server, Stack("postgresql", port, env={"CACHE_URL": server.url}) as stack:
        name = f"Redis gone for {AWAY_SECONDS:.0f} s"
        return _measure(stack, name, server.kill, server.start, allowed={"202"})


def _measure(
    stack: Stack, name: str, stop: Callable[[], Any], start: Callable[[], Any], *, allowed: set[str]
) -> list[Row]:
    everybody = tenants(stack, ["Client 1", "Client 2"])
    events = int(_PER_SECOND * (AWAY_SECONDS + 2 * _BEFORE_AND_AFTER))
    sender = Sender(lanes_of(everybody, incidents(stack, 20), events), _PER_SECOND)
    sender.start()
    time.sleep(_BEFORE_AND_AFTER)
    stop()
    time.sleep(AWAY_SECONDS)
    start()
    back = time.monotonic()
    sender.wait()
    empty_after = empty(stack, back)
    print(f"     answers: {dict(sender.statuses)}; slowest {sender.slowest:.2f} s", flush=True)
    found = counts.count(stack, sender.accepted)
    others = sum(number for status, number in sender.statuses.items() if status not in allowed)
    return [
        exactly(f"{name}: answers other than {' or '.join(sorted(allowed))}", 0, others, "answers"),
        at_most(f"{name}: slowest answer", 5.0, sender.slowest, "s"),
        exactly(f"{name}: accepted in the end", events, len(sender.accepted), "events"),
        *counts.rows(name, found),
        at_most(f"{name}: queue empty after it is back", EMPTY_WITHIN, empty_after, "s"),
    ]
