"""`python -m bench.fuzz [name …]`: run all fuzz tests in full, or those named; write var/fuzz.json.

The tests are those of the suite (tests/fuzz), with a hundred times as many examples and a new seed each time.
Hypothesis shrinks what they find.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.figures import Row, exactly
from bench.proofs import run
from bench.stack import POSTGRES, ROOT

# Expressions need no database.
_TESTS: dict[str, tuple[str, ...]] = {
    "receiver": ("sqlite", "postgresql"),
    "api": ("sqlite", "postgresql"),
    "importer": ("sqlite", "postgresql"),
}
_TESTS |= {"fields": ("sqlite",)}
_URLS = {"sqlite": "sqlite:///var/fuzz.sqlite3", "postgresql": POSTGRES}


def _measure(name: str, kind: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures"
        path.touch()
        env = os.environ | {
            "FUZZ": "1", "FUZZ_FIGURES": str(path), "DATABASE_URL": _URLS[kind],
        }  # fmt: skip
        # Without a time-out: the number of examples is the bound. Log lines of each request would fill the memory.
        options = ["-q", "-x", "--timeout=0", "-p", "no:logging", "--show-capture=no", "--no-header"]
        tests = f"tests/fuzz/test_{name}.py"
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *options, tests], cwd=ROOT, env=env, check=False
        )
        rows: list[Row] = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | {"name": f"{name}, {kind}: {row['name']}"} for row in rows]
    return [*rows, exactly(f"{name}, {kind}: tests that failed", 0, int(ended.returncode != 0))]


_PROOFS: dict[str, Callable[[], list[Row]]] = {
    f"{name}-{kind}": partial(_measure, name, kind) for name, kinds in _TESTS.items() for kind in kinds
}


if __name__ == "__main__":
    sys.exit(run(_PROOFS, sys.argv[1:], "fuzz.json"))
