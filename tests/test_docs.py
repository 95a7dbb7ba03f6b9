"""What README and docs/ point at is there."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_picture_and_page_that_is_linked_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_picture_is_taken_by_a_test_and_shown_in_a_page() -> None:
    kept = {picture.stem for picture in (ROOT / "docs" / "screenshots").iterdir()}
    taken = [
        name
        for test in sorted((ROOT / "tests" / "flows").glob("test_*.py"))
        for name in re.findall(r'\bshoot\(\w+, "([\w-]+)"\)', test.read_text(encoding="utf-8"))
    ]
    shown = {
        name for page in PAGES for name in re.findall(r"screenshots/([\w-]+)\.png", page.read_text("utf-8"))
    }

    assert sorted(taken) == sorted(set(taken))
    assert kept == set(taken) == shown
