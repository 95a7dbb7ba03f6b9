"""docs/security.md names tests as proofs: each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs/security.md").read_text()


def test_every_proof_that_is_named_is_a_test() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)

    assert len(named) > 40
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"\ndef {name}(" not in (ROOT / path).read_text()
    ]
    assert missing == []


def test_every_clause_has_a_proof_or_a_reason() -> None:
    proved = re.findall(r"^- \*\*\d[^*]+\*\* .+\n((?:  - .+\n)*)", TABLE, re.MULTILINE)
    not_applicable = [line.split(" | ") for line in TABLE.splitlines() if re.match(r"\| \d", line)]

    assert len(proved) > 30
    assert all("::test_" in proofs for proofs in proved)
    assert not_applicable
    assert all(len(row) == 2 for row in not_applicable)
