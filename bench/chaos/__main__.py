"""`python -m bench.chaos [name …]`: run all proofs or those named; write the figures to var/chaos.json."""

import sys
from collections.abc import Callable
from functools import partial

from bench.chaos import away, clocks, fair, fair_slow, keys, kills, nodes, poisonous, stopped
from bench.figures import SHORT, Row
from bench.proofs import beside_each_other, run

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
    "fair-slow": fair_slow.measure,
    "kills-slow-postgresql": lambda port: kills.at_a_slow_provider("postgresql", port),
    "kills-slow-sqlite": lambda port: kills.at_a_slow_provider("sqlite", port),
}
# Proofs that mostly wait run in parallel; in a short run also those that would otherwise compete for the processor.
# PostgreSQL admits 100 connections (max_connections as installed), and a node may have 34, so at most two nodes share
# the server: "asleep", "nodes" and "clocks" have two each, "postgresql-away" has a server of its own.
_WAITING = [("asleep", "postgresql-away"), ("redis-away", "deadlock")]
_KILLS = ["kills-postgresql", "kills-sqlite", "kills-slow-postgresql", "kills-slow-sqlite"]
_REST = [*_WAITING, ("poison", "keys"), ("nodes",), ("clocks",), ("fair",), ("fair-slow",)]
# Most of the time of a short "kills-slow" goes into connecting its workspaces, so continuous integration has one.
_SHORT = [("kills-postgresql", "kills-sqlite"), ("kills-slow-postgresql",), *_REST]
_LONG = [*((name,) for name in _KILLS), *_REST]


def _beside_each_other(names: tuple[str, ...]) -> list[Row]:
    return beside_each_other({name: partial(_PROOFS[name], _port_of(name)) for name in names})


def _port_of(name: str) -> int:
    return _PORT + 20 * list(_PROOFS).index(name)


if __name__ == "__main__":
    groups = [(name,) for name in _PROOFS] if sys.argv[1:] else _SHORT if SHORT else _LONG
    bound = {" ".join(names): lambda names=names: _beside_each_other(names) for names in groups}
    sys.exit(run(bound, sys.argv[1:], "chaos.json"))
