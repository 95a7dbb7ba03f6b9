"""docs/security.md names tests as proofs, which exist, and every place in the code that sees every tenant."""

import ast
import re
from collections.abc import Iterator
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


def places_without_scope() -> Iterator[tuple[str, str]]:
    """Yield file and function of each use of `unscoped` or EVERYTHING in the product; "" outside functions."""
    folders = ("connections", "core", "pagerduty_app", "taskjuice", "workflows")
    for path in [ROOT / "manage.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]:
        if path != ROOT / "core/db/tenant_scope.py":
            for function in functions_that_open(ast.parse(path.read_text())):
                yield str(path.relative_to(ROOT)), function


def functions_that_open(node: ast.AST, function: str = "") -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    names = {getattr(node, part, None) for part in ("attr", "id", "name")}
    if names & {"unscoped", "EVERYTHING"}:
        yield function
    for child in ast.iter_child_nodes(node):
        yield from functions_that_open(child, function)


def test_every_place_that_sees_every_tenant_has_its_reason() -> None:
    section = TABLE.partition("## Code that sees every tenant\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)` \| `(\w+)` \| .+ \|$", section, re.MULTILINE)

    assert len(listed) > 20
    assert sorted(listed) == sorted(set(places_without_scope()))
