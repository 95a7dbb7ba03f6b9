"""`python -m bench.chaos [name …]`: every proof or those named; figures to var/chaos.json."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.chaos import away, fair, keys, kills, nodes, poisonous, stopped
from bench.figures import Row
from bench.proofs import run

_PORT = 19_700
Proof = Callable[[int], list[Row]]


def _beside_each_other(*proofs: Proof) -> Proof:
    """Those that mostly wait, at the same time."""

    def measure(port: int) -> list[Row]:
        with ThreadPoolExecutor(len(proofs)) as threads:
            ports = range(port, port + 20 * len(proofs), 20)
            begun = [threads.submit(proof, own) for proof, own in zip(proofs, ports, strict=True)]
        return [row for one in begun for row in one.result()]

    return measure


_PROOFS: dict[str, Proof] = {
    "kills-postgresql": lambda port: kills.measure("postgresql", port),
    "kills-sqlite": lambda port: kills.measure("sqlite", port),
    "away": _beside_each_other(away.postgres, away.redis),
    "stopped": _beside_each_other(stopped.asleep, stopped.deadlock, poisonous.measure),
    "keys": keys.measure,
    "nodes": nodes.measure,
    "fair": fair.measure,
}
# Parts of those, by name only.
_ALONE: dict[str, Proof] = {
    "postgresql-away": away.postgres,
    "redis-away": away.redis,
    "asleep": stopped.asleep,
    "deadlock": stopped.deadlock,
    "poison": poisonous.measure,
}


if __name__ == "__main__":
    bound = {
        name: lambda proof=proof, port=_PORT + 100 * number: proof(port)
        for number, (name, proof) in enumerate((_PROOFS | _ALONE).items())
    }
    sys.exit(run(bound, sys.argv[1:] or list(_PROOFS), "chaos.json"))
