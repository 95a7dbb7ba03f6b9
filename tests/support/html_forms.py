"""Forms as a browser would send them: what the page shows, with some of it changed."""

from html.parser import HTMLParser
from typing import Any


class _Form(HTMLParser):
    """Collects the successful controls of the last form of `main` (HTML, form submission)."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self._select = self._area = ""
        self._first = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = dict(attrs)
        name = have.get("name") or ""
        if tag == "form":
            self.data = {}
        elif tag == "input" and name and have.get("type") not in ("submit", "file"):
            if have.get("type") not in ("checkbox", "radio") or "checked" in have:
                unnamed = "on" if have.get("type") in ("checkbox", "radio") else ""
                self._add(name, have.get("value", unnamed) or "")
        elif tag == "textarea":
            self._area = name
            self._add(name, "")
        elif tag == "select":
            self._select = name
            self._add(name, "")
            self._first = True
        elif tag == "option" and self._select and (self._first or "selected" in have):
            self.data[self._select][-1] = have.get("value") or ""
            self._first = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.data[self._area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.data[self._area][-1] = self.data[self._area][-1].removeprefix("\n")
            self._area = ""
        if tag == "select":
            self._select = ""

    def _add(self, name: str, value: str) -> None:
        self.data.setdefault(name, []).append(value)


def form_of(page: Any, **changes: str) -> dict[str, Any]:
    """What sending the page's form would send, with those fields changed (`in_x` for `in-x`)."""
    parser = _Form()
    parser.feed(page.content.decode().partition("<main")[2])
    return parser.data | {name.replace("in_", "in-", 1): [value] for name, value in changes.items()}
