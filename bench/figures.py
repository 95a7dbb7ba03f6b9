"""Figures: one row for each promise, whether it was kept, and the load of the machine."""

import math
import os
from typing import Any

Row = dict[str, Any]
SHORT = os.environ.get("SHORT") == "1"


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of them do not exceed. Raise ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def at_most(name: str, wanted: float, got: float, unit: str) -> Row:
    return _row(name, wanted, got, unit, ok=got <= wanted, exact=False)


def at_least(name: str, wanted: float, got: float, unit: str) -> Row:
    return _row(name, wanted, got, unit, ok=got >= wanted, exact=False)


def _row(name: str, wanted: float, got: float, unit: str, *, ok: bool, exact: bool) -> Row:
    """Return the row, and print it at once, since a proof can take long."""
    load = os.getloadavg()[0]
    print(
        f"{'ok  ' if ok else 'MISS'} {name}: {got:.6g} {unit} (wanted {wanted:g}; load {load:.1f})",
        flush=True,
    )
    return {"name": name, "wanted": wanted, "got": round(got, 3), "unit": unit, "ok": ok, "exact": exact}


def exactly(name: str, wanted: float, got: float, unit: str = "") -> Row:
    return _row(name, wanted, got, unit, ok=got == wanted, exact=True)
