"""`python -m bench.edge [name …]`: run all proofs or those named on both databases; write var/edge.json."""

import sys
from collections.abc import Callable
from functools import partial

from bench.edge import deadlines, listings, mixed, overhead, pace, renewals, schedules
from bench.edge.effects import proof as effects
from bench.figures import SHORT, Row
from bench.proofs import beside_each_other, run

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
# These mostly wait, so in short both kinds run in parallel; the others measure a pace.
_WAITING = ("effects", "listings", "renewals", "schedules", "deadlines")


def _in_short() -> dict[str, Callable[[], list[Row]]]:
    """Return the proofs, those of _WAITING in pairs."""
    pairs = {
        name: partial(beside_each_other, {f"{name}-{kind}": _PROOFS[f"{name}-{kind}"] for kind in _KINDS})
        for name in _WAITING
    }
    return pairs | {name: proof for name, proof in _PROOFS.items() if name.rpartition("-")[0] not in _WAITING}


if __name__ == "__main__":
    chosen = _in_short() if SHORT and not sys.argv[1:] else _PROOFS
    sys.exit(run(chosen, sys.argv[1:], "edge.json"))
