"""Rooms below a provider do not name it, and the folders of tests are those of the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOMS = ("connections", "workflows")
ROOT = Path(settings.BASE_DIR)


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            # What a column is for may name an example; its past is not rewritten.
            if not {"models", "migrations"} & set(path.parts):
                yield path


def _templates() -> Iterator[Path]:
    for folder in ("actions", "calls", "connections", "hooks", "shell", "triggers"):
        yield from (ROOT / "templates" / folder).glob("*.html")


def _texts(path: Path) -> Iterator[str]:
    """Every string of that file that is no docstring."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docs:
            yield node.value


def test_no_text_of_these_rooms_names_a_provider() -> None:
    said = [(path, text) for path in _sources() for text in _texts(path)]
    assert len(said) > 1000
    assert [(path, text) for path, text in said if "pagerduty" in text.lower()] == []


def test_no_page_of_these_rooms_names_a_provider() -> None:
    pages = list(_templates())
    assert len(pages) > 40
    assert [page for page in pages if "pagerduty" in page.read_text().lower()] == []


# Folders of tests that mirror no folder of the source.
OTHER = {"acme_provider", "bench", "flows", "fuzz", "scenarios", "support"}


def test_every_test_is_in_the_folder_of_its_source_or_in_one_of_a_subject_there() -> None:
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("*.py")} - {Path()}
    mirrored = {folder for folder in folders if folder.parts[0] not in OTHER}

    assert len(mirrored) > 30
    rooms = {folder for folder in mirrored if (ROOT / folder / "__init__.py").exists()}
    assert [str(folder) for folder in sorted(mirrored - rooms) if folder.parent not in rooms] == []
