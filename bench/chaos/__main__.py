"""`python -m bench.chaos [name …]`: run all proofs or those named; write the figures to var/chaos.json."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.chaos import away, clocks, fair, keys, kills, nodes, poisonous, stopped
from bench.figures import SHORT, Row
from bench.proofs import run

_PORT = 19_700
Proof = Callable[[int], list[Row]]

_PROOFS: dict[str, Proof] = {
    "kills-postgresql": lambda port: kills.measure("postgresql", port),
    "kills-sqlite": lambda port: kills.measure("sqlite", port),
    "postgresql-away": away.postgres,
    "redis-away": away.redis,
    "asleep": stopped.asleep,
    "deadlock": stopped.deadlock,
    "poison": poisonous.measure,
    "keys": keys.measure,
    "nodes": nodes.measure,
    "clocks": clocks.measure,
    "fair": fair.measure,
}
# Proofs that mostly wait run in parallel; in a short run also those that would otherwise compete for the processor.
_WAITING = [("postgresql-away", "redis-away"), ("asleep", "deadlock", "poison")]
_SHORT = [("kills-postgresql", "kills-sqlite"), *_WAITING, ("keys", "nodes"), ("clocks", "fair")]
_LONG = [("kills-postgresql",), ("kills-sqlite",), *_WAITING, ("keys",), ("nodes",), ("clocks",), ("fair",)]


def _beside_each_other(names: tuple[str, ...]) -> list[Row]:
    numbers = [list(_PROOFS).index(name) for name in names]
    with ThreadPoolExecutor(len(names)) as threads:
        begun = [
            threads.submit(_PROOFS[name], _PORT + 20 * number)
            for name, number in zip(names, numbers, strict=True)
        ]
    return [row for one in begun for row in one.result()]


if __name__ == "__main__":
    groups = [(name,) for name in _PROOFS] if sys.argv[1:] else _SHORT if SHORT else _LONG
    bound = {" ".join(names): lambda names=names: _beside_each_other(names) for names in groups}
    sys.exit(run(bound, sys.argv[1:], "chaos.json"))
