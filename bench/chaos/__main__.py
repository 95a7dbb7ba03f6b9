"""`python -m bench.chaos [name …]`: every proof or those named; figures to var/chaos.json."""

import sys
from collections.abc import Callable

from bench.chaos import kills
from bench.figures import Row
from bench.proofs import run

_PORT = 18_700
_PROOFS: dict[str, Callable[[int], list[Row]]] = {
    "kills-postgresql": lambda port: kills.measure("postgresql", port),
    "kills-sqlite": lambda port: kills.measure("sqlite", port),
}


if __name__ == "__main__":
    bound = {
        name: lambda proof=proof, port=_PORT + 10 * number: proof(port)
        for number, (name, proof) in enumerate(_PROOFS.items())
    }
    sys.exit(run(bound, sys.argv[1:], "chaos.json"))
