"""`python -m bench [name …]`: run all measurements or those named; write the figures to var/bench.json."""

import sys
from collections.abc import Callable

from bench import capacity, drain, growth, latency, receiver
from bench.figures import Row
from bench.proofs import run
from bench.slow import calls
from bench.slow import proof as slow

_PORT = 18_400
_PROOFS: dict[str, Callable[[], list[Row]]] = {
    "latency-sqlite": lambda: latency.measure("sqlite", _PORT),
    "latency-postgresql": lambda: latency.measure("postgresql", _PORT + 10),
    "drain-postgresql": lambda: drain.measure("postgresql", _PORT + 20),
    "receiver-sqlite": lambda: receiver.measure("sqlite", _PORT + 30),
    "receiver-postgresql": lambda: receiver.measure("postgresql", _PORT + 40),
    "growth-sqlite": lambda: growth.measure("sqlite", _PORT + 50),
    "growth-postgresql": lambda: growth.measure("postgresql", _PORT + 60),
    "slow-sqlite": lambda: slow.measure("sqlite", _PORT + 70),
    "slow-postgresql": lambda: slow.measure("postgresql", _PORT + 80),
    "api-slow-sqlite": lambda: calls.measure("sqlite", _PORT + 90),
    "api-slow-postgresql": lambda: calls.measure("postgresql", _PORT + 100),
    "capacity-postgresql": lambda: capacity.measure("postgresql", _PORT + 110),
}


if __name__ == "__main__":
    sys.exit(run(_PROOFS, sys.argv[1:], "bench.json"))
