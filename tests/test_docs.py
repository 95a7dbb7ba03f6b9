"""What the docs link, name and draw is there, and the version is the changelog's newest."""

import pkgutil
import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROOMS = ("taskjuice", "pagerduty_app", "workflows", "connections", "core")
PAGES = [
    page
    for place in ("*.md", "docs/**/*.md", *(f"{room}/**/*.md" for room in ROOMS))
    for page in ROOT.glob(place)
]
PAGES.sort()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_picture_and_page_that_is_linked_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_heading_that_is_linked_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8"))

    assert [
        f"{file}#{anchor}"
        for file, anchor in links
        if anchor not in anchors(page.parent / file if file else page)
    ] == []


def code_spans(page: Path) -> list[str]:
    """Return what stands between backticks, without fenced blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_file_folder_and_module_that_is_named_exists(page: Path) -> None:
    folders = "|".join([*ROOMS, "bench", "deploy", "docs", "tests", "tools"])
    # taskjuice is left out: taskjuice.wall is a parameter of PostgreSQL sessions, taskjuice.service a unit of systemd.
    rooms = "|".join(ROOMS[1:])
    named = code_spans(page)
    files = [span.partition("::")[0] for span in named if re.fullmatch(r"[\w.-]+/[\w./-]+\.py(::\w+)?", span)]
    files += [span for span in named if re.fullmatch(rf"(?:{folders})/[\w/-]*", span)]
    modules = [span for span in named if re.fullmatch(rf"(?:{rooms})(?:\.\w+)+(?:\(\))?", span)]

    assert [file for file in files if not (ROOT / file).exists()] == []
    assert [name for name in modules if not exists(name.removesuffix("()"))] == []


def test_the_diagram_shows_the_layers_of_the_contracts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = [one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    layers = {one["containers"][0]: one["layers"] for one in contracts if "containers" in one}
    rooms = next(one["layers"] for one in contracts if "containers" not in one)
    diagram = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    shown = [re.split(r" {2,}", line.strip())[0].removesuffix("/") for line in diagram.splitlines()]

    assert [line for line in shown if line not in {"", "▼"}] == [
        line for room in rooms for line in [room, *layers.get(room, [])]
    ]


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


def test_the_version_is_the_newest_of_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    released = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert released[0] == project["version"]


def test_every_decision_is_listed() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (decisions / "README.md").read_text("utf-8"))

    assert listed == sorted(page.name for page in decisions.glob("[0-9]*.md"))
