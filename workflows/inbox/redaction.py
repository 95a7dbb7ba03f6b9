"""Redaction: the fields of a trigger's deliveries that are never stored.

A path is names with dots between, `event.data.title`; `*` is every item of a list or every field of an object. A name
also goes through lists: `event.data.teams.summary` is that of each team. The values are cut out of the text of the
body, so that all the rest stays byte by byte as it was sent: numbers of any size, fields that come twice, any depth.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Problem
from core.text.folding import compose

MOST_PATHS = 50
LONGEST_PATH = 200
REDACTED = '"[redacted]"'
_MOST_NAMES = 20
# Strings, brackets, the marks between, and numbers and words; more than JSON allows, never less.
_PART = re.compile(r'\s*("[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s"{}\[\]:,]+)', re.DOTALL)
Names = tuple[str, ...]
# Where in the chosen paths a value stands: what is left of each path that leads on through it; () is its end.
Left = frozenset[Names]
_NOT_OFFERED = {"self", "type", "html_url"}
_NOWHERE: Left = frozenset()
_OPENING, _CLOSING, _BETWEEN = {"{", "["}, {"}", "]"}, {",", ":"}


def checked(paths: list[str], needed: Mapping[str, str]) -> list[str]:
    """The paths as they are stored, each once. needed: path → why that field has to stay.

    Raises Problem (invalid_input, field `redact`) that names the path at fault.
    """
    found = list(dict.fromkeys(compose(path.strip()) for path in paths))
    wrong = [message for path in found if (message := _wrong_with(path, needed))]
    if len(found) > MOST_PATHS:
        wrong.insert(0, f"At most {MOST_PATHS} fields.")
    if wrong:
        raise Problem("invalid_input", wrong[0], fields={"redact": wrong})
    return found


def _wrong_with(path: str, needed: Mapping[str, str]) -> str:
    names = path.split(".")
    shown = path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}…"
    if not path.isprintable() or len(path) > LONGEST_PATH or len(names) > _MOST_NAMES:
        return f"At most {LONGEST_PATH} printable characters and {_MOST_NAMES} names: {shown!a}"
    if not all(names) or any(name != name.strip() or ("*" in name and name != "*") for name in names):
        return f"“{shown}” is not a valid path. Use names separated by dots, such as event.data.title; * is every item."
    if names[0] == "trigger":
        return f"“{shown}” is how workflows name it. Name it as it is delivered, such as event.data.title."
    if number := next((name for name in names if name.isdecimal()), None):
        return f"“{shown}” names one item of a list: write * instead of {number} for every item."
    for kept, why in needed.items():
        if _covers(names, kept.split(".")):
            return f"“{shown}” cannot be left out: {kept} {why}."
    return ""


def _covers(names: list[str], kept: list[str]) -> bool:
    """Return whether `names` leads to that field, or to a value that contains it."""
    return len(names) <= len(kept) and all(
        name in ("*", other) for name, other in zip(names, kept, strict=False)
    )


def redacted(body: bytes, paths: list[str]) -> bytes:
    """`body` with "[redacted]" for each text that a path leads to and null for anything else.

    A body that is not JSON is answered as it is.
    """
    try:
        encoding = json.detect_encoding(body)
        text = body.decode(encoding, "surrogatepass")
        cuts = list(_Cutter(frozenset(tuple(compose(path).split(".")) for path in paths)).cuts(text))
    except (ValueError, IndexError):  # no JSON; closed more often than opened
        return body
    if not cuts:
        return body
    parts, at = [], 0
    for start, stop, instead in cuts:
        parts += [text[at:start], instead]
        at = stop
    return "".join([*parts, text[at:]]).encode(encoding, "surrogatepass")


class _Cutter:
    """Walks through the text once. In each open list or object it knows what is left of the paths that lead there."""

    def __init__(self, paths: Left) -> None:
        self._paths = paths
        self._inside: list[tuple[Left, bool]] = []  # and whether it is a list
        self._name: str | None = None  # the last one read in an object
        self._known: dict[tuple[Left, str | None], Left] = {}

    def cuts(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, stop, what comes instead) of each value to cut out. Raises ValueError for what is no JSON."""
        parts, depth, cut_from = _parts(text), 0, -1
        part, start, stop = next(parts, ("", 0, 0))
        while part:
            following = next(parts, ("", stop, stop))
            if part in _CLOSING:
                self._inside.pop()
                if cut_from >= 0 and len(self._inside) == depth:
                    yield cut_from, stop, "null"
                    cut_from = -1
            elif part in _OPENING:
                left = self._left() if cut_from < 0 else _NOWHERE
                if () in left:
                    cut_from, depth = start, len(self._inside)
                self._inside.append((left, part == "["))
            elif part not in _BETWEEN and cut_from < 0:
                if following[0] == ":":
                    self._name = compose(json.loads(part, strict=False) if "\\" in part else part[1:-1])
                elif () in self._left():
                    yield start, stop, REDACTED if part.startswith('"') else "null"
            part, start, stop = following
        if self._inside:
            raise ValueError("not closed")

    def _left(self) -> Left:
        """The remaining paths at the next value."""
        if not self._inside:
            return self._paths
        left, is_list = self._inside[-1]
        asked = (left, None if is_list else self._name)
        if left and asked not in self._known:
            self._known[asked] = frozenset(_onwards(*asked))
        return self._known[asked] if left else left


def _onwards(left: Left, name: str | None) -> Iterator[Names]:
    """The remaining paths one level further in: at the field `name`, or for None at an item of a list."""
    for names in left:
        if names and (names[0] == "*" or (name is not None and names[0] == name)):
            yield names[1:]
        elif names and name is None:
            yield names  # a name goes through lists


def _parts(text: str) -> Iterator[tuple[str, int, int]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _PART.match(text, at)
        if match is None:
            raise ValueError("no JSON")
        yield match[1], match.start(1), match.end(1)
        at = match.end()


def fields_of(sample: Any, path: str = "") -> Iterator[str]:
    """The paths of the single values in a sample, to choose from; `*` for the items of a list.

    Without links and types, which say nothing by themselves; they can be written by hand.
    """
    if isinstance(sample, dict):
        for name, value in sample.items():
            if name in _NOT_OFFERED:
                continue
            yield from fields_of(value, f"{path}.{name}" if path else name)
    elif isinstance(sample, list):
        for value in sample[:1]:
            yield from fields_of(value, f"{path}.*")
    else:
        yield path
