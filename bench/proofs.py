"""Run proofs and collect their figures; a proof that raises is a figure that is not ok."""

import json
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Row
from bench.stack import ROOT


def run(proofs: Mapping[str, Callable[[], list[Row]]], names: list[str], file: str) -> int:
    """Run proofs; return the exit code, 0 if every figure is ok. names: [] for all. file: written in var/."""
    unknown = set(names) - set(proofs)
    if unknown:
        print(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(proofs)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended, too
    rows: list[Row] = []
    path = ROOT / "var" / file
    path.parent.mkdir(exist_ok=True)
    for name in names or proofs:
        rows += _seen_twice(name, proofs[name])
        path.write_text(json.dumps(rows, indent=1) + "\n")
    missed = [row["name"] for row in rows if not row["ok"]]
    print(f"{len(rows)} figures in {path}; {len(missed)} not ok{': ' if missed else ''}{'; '.join(missed)}")
    return 1 if missed else 0


def beside_each_other(proofs: Mapping[str, Callable[[], list[Row]]]) -> list[Row]:
    """Run proofs in parallel; one that raises leaves the figures of the others."""
    with ThreadPoolExecutor(len(proofs)) as threads:
        begun = [threads.submit(rows_of, name, proof) for name, proof in proofs.items()]
    return [row for one in begun for row in one.result()]


def _seen_twice(name: str, proof: Callable[[], list[Row]]) -> list[Row]:
    """Return the proof's figures, of a second run if only bounds were missed in the first.

    A machine that is busy for a minute can miss a bound. Something lost or done twice counts at once.
    """
    print(f"--- {name}", flush=True)
    rows = rows_of(name, proof)
    missed = [row for row in rows if not row["ok"]]
    if not missed or any(row["exact"] for row in missed):
        return rows
    print(f"--- {name}, again: missed {'; '.join(row['name'] for row in missed)}", flush=True)
    return rows_of(name, proof)


def rows_of(name: str, proof: Callable[[], list[Row]]) -> list[Row]:
    """Return the proof's figures, or, if it raises, print why and return one that says so by the proof's name."""
    try:
        return proof()
    except Exception:
        traceback.print_exc()
        return [
            {
                "name": f"{name}: came to its end",
                "wanted": 1,
                "got": 0,
                "unit": "",
                "ok": False,
                "exact": False,
            }
        ]
