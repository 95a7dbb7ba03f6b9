"""Inputs and outputs of calls as a person reads them: facts with names, tables, links to the provider's own pages.

What a provider answered can be anything: every text is cut, every list counted, nothing is followed inwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from workflows.catalog import Json
from workflows.formatting.labels import title_of

MOST_ROWS = 50
_MOST_COLUMNS = 7
_MOST_NAMED = 20
_LONGEST = 2_000
_LONGEST_CELL = 300
_LINK = "html_url"
_NAMES = ("summary", "name", "title", "email", "id")
# An object with no other properties says only which one is meant: one fact.
_OF_REFERENCE = frozenset({*_NAMES, _LINK})
_YEARS = range(1970, 9000)
OwnsLink = Callable[[str], bool]


@dataclass(frozen=True)
class Fact:
    """A name with a text, or with a time (aware)."""

    name: str
    text: str = ""
    at: datetime | None = None
    link: str = ""


@dataclass(frozen=True)
class Table:
    """The first rows of a list; found: how many rows there are in all."""

    name: str
    columns: list[str]
    rows: list[list[Fact]]
    found: int

    @property
    def shown(self) -> str:
        """A remark where not all rows are shown."""
        some = len(self.rows)
        return f"The first {some} of {self.found:,} are shown." if self.found > some else ""


@dataclass
class Reading:
    """The summary of an output. link: the main object's page at the provider. said: further remarks."""

    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    link: str = ""


def of_input(schema: Json, data: Any) -> list[Fact]:
    """The input, in the order of the form."""
    properties = schema.get("properties", {})
    given = data if isinstance(data, dict) else {}
    # PostgreSQL keeps the members of an object in an order of its own.
    names = [
        *(name for name in properties if name in given),
        *(name for name in given if name not in properties),
    ]
    facts = [_fact(name, properties.get(name, {}), given[name], _LONGEST) for name in names]
    return [fact for fact in facts if fact is not None]


def of_output(schema: Json, output: Any, owns_link: OwnsLink) -> Reading:
    """The objects and lists that the schema knows; anything else is in the JSON."""
    reading = Reading()
    output = output if isinstance(output, dict) else {}
    for name, inner in schema.get("properties", {}).items():
        value = output.get(name)
        if isinstance(value, dict):
            properties = inner.get("properties", {})
            if properties and _OF_REFERENCE.issuperset(properties):
                reading.facts += _facts({"properties": {name: inner}}, output)
            else:
                reading.facts += _facts(inner, value)
            reading.link = reading.link or _link(value, owns_link)
        elif isinstance(value, list):
            if inner.get("items", {}).get("type") == "string":
                reading.facts += _facts({"properties": {name: inner}}, output)
            else:
                reading.tables.append(_table(title_of(name, inner), inner.get("items", {}), value, owns_link))
        elif "title" in inner:
            reading.facts += _facts({"properties": {name: inner}}, output)
    if reading.tables:
        reading.said = _of_listing(output, reading.tables[0])
    return reading


def _of_listing(output: Json, table: Table) -> list[str]:
    """The remarks of a listing: `total`, `more`, `incomplete_reason`."""
    said = []
    total = output.get("total")
    if isinstance(total, int) and total > table.found:
        said.append(f"{total:,} in total.")
    reason = output.get("incomplete_reason")
    if isinstance(reason, str) and reason:
        said.append(reason[:_LONGEST])
    elif output.get("more"):
        said.append("More results exist: fetch all pages, or use a larger offset.")
    return said


def _facts(schema: Json, value: Json) -> list[Fact]:
    known = schema.get("properties", {})
    facts = [_fact(name, inner, value.get(name), _LONGEST) for name, inner in known.items() if name != _LINK]
    return [fact for fact in facts if fact is not None]


def _table(name: str, schema: Json, rows: list[Any], owns_link: OwnsLink) -> Table:
    shown = [row for row in rows[:MOST_ROWS] if isinstance(row, dict)]
    known = {name: inner for name, inner in schema.get("properties", {}).items() if name != _LINK}
    known = known or {"id": {}, "summary": {}}
    filled = [name for name in known if any(row.get(name) not in (None, "", [], {}) for row in shown)]
    columns = filled[:_MOST_COLUMNS]
    linked = next((name for name in ("title", "name", "summary", "id") if name in columns), "")
    cells = [
        [
            _fact(
                name,
                known[name],
                row.get(name),
                _LONGEST_CELL,
                _link(row, owns_link) if name == linked else "",
            )
            or Fact(name, "–")
            for name in columns
        ]
        for row in shown
    ]
    return Table(name, [title_of(name, known[name]) for name in columns], cells, len(rows))


def _fact(name: str, schema: Json, value: Any, longest: int, link: str = "") -> Fact | None:
    """None for what is empty."""
    if value in (None, "", [], {}):
        return None
    title = title_of(name, schema)
    if isinstance(value, str) and value in (said := schema.get("x-words", {})):
        return Fact(title, said[value])
    if schema.get("format") == "date-time" and isinstance(value, str) and (at := _moment(value)):
        return Fact(title, at=at)
    if isinstance(value, list):
        named = [_name(item) for item in value[:_MOST_NAMED]]
        more = f" and {len(value) - _MOST_NAMED:,} more" if len(value) > _MOST_NAMED else ""
        return Fact(title, _cut(", ".join(named), longest) + more)
    return Fact(title, _cut(_name(value), longest), link=link)


def _name(value: Any) -> str:
    """A scalar as text; an object by what it is called."""
    if isinstance(value, dict):
        called = (value.get(name) for name in _NAMES)
        return next((text for text in called if isinstance(text, str) and text), "…")
    if isinstance(value, list):
        return "…"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def _moment(text: str) -> datetime | None:
    try:
        parsed = parse_datetime(text)
    except ValueError:
        return None
    return parsed if parsed and timezone.is_aware(parsed) and parsed.year in _YEARS else None


def _link(value: Json, owns_link: OwnsLink) -> str:
    link = value.get(_LINK)
    return link if isinstance(link, str) and owns_link(link) else ""
