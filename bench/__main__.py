"""`python -m bench [name …]`: every proof or those named; figures to var/bench.json, non-zero when one is missed."""

import json
import signal
import sys
from collections.abc import Callable

from bench import drain, latency
from bench.figures import Row
from bench.stack import ROOT

_PORT = 18_400
_PROOFS: dict[str, Callable[[], list[Row]]] = {
    "latency-sqlite": lambda: latency.measure("sqlite", _PORT),
    "latency-postgresql": lambda: latency.measure("postgresql", _PORT + 10),
    "drain-postgresql": lambda: drain.measure("postgresql", _PORT + 20),
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(_PROOFS)
    if unknown:
        print(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(_PROOFS)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended, too
    rows = [row for name in names or _PROOFS for row in _PROOFS[name]()]
    path = ROOT / "var" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
