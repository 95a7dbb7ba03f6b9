"""`python -m bench.edge [name …]`: run all proofs or those named on both databases; write var/edge.json."""

import sys
from collections.abc import Callable
from functools import partial

from bench.edge import deadlines, listings, mixed, overhead, pace, renewals, schedules
from bench.edge.effects import proof as effects
from bench.figures import Row
from bench.proofs import run

_PORT = 18_600
_KINDS = ("sqlite", "postgresql")
_MEASURES: dict[str, Callable[[str, int], list[Row]]] = {
    "effects": effects.measure,
    "listings": listings.measure,
    "renewals": renewals.measure,
    "pace": pace.measure,
    "no-429": mixed.measure,
    "schedules": schedules.measure,
    "deadlines": deadlines.measure,
}
_PROOFS: dict[str, Callable[[], list[Row]]] = {
    f"{name}-{kind}": partial(measure, kind, _PORT + 10 * (2 * number + second))
    for number, (name, measure) in enumerate(_MEASURES.items())
    for second, kind in enumerate(_KINDS)
}
_PROOFS["overhead"] = partial(overhead.measure, "sqlite", _PORT + 20 * len(_MEASURES))


if __name__ == "__main__":
    sys.exit(run(_PROOFS, sys.argv[1:], "edge.json"))
