"""The filters of expressions: the table that the language, docs/expressions.md and the editor have them from."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.expressions.filters import dates, lists, numbers
from workflows.expressions.filters import texts as texts

_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Filter:
    """One filter. does: for people. example renders to `result` with the fields of the documentation."""

    name: str
    does: str
    example: str
    result: str
    function: Callable[..., Any]

    @property
    def insertion(self) -> str:
        """The text to insert after a field: this filter as in its example."""
        used = re.search(rf" \| {self.name}\b((?!\s\|\s|\s\}}\}}).)*", self.example)
        return used.group() if used else f" | {self.name}"

    def misused(self, given: int, named: Sequence[str]) -> str:
        """The fault of this number of arguments and these names; "" for none."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        places = [one for one in parameters if one.kind in _PLACES]
        names = [one.name for one in parameters if one.kind != inspect.Parameter.POSITIONAL_ONLY]
        if unknown := next((name for name in named if name not in names), None):
            return f"{self.name} has no argument called {unknown[:40]}."
        if given > len(places):
            return f"{self.name} takes {_counted(len(places))}, but is given {given}."
        filled = {one.name for one in places[:given]} | set(named)
        if len(filled) < given + len(named):
            return f"{self.name} is given the same argument twice."
        lacking = [one for one in places if one.default is one.empty and one.name not in filled]
        return (
            f"{self.name} needs {_needed(len(lacking))} behind a colon, as in {self.example}."
            if lacking
            else ""
        )


def _counted(most: int) -> str:
    return {0: "no arguments", 1: "at most one argument"}.get(most, f"at most {most} arguments")


def _needed(count: int) -> str:
    return "an argument" if count == 1 else f"{count} arguments"


_ALL = (
    Filter(
        "append",
        "Append text",
        "{{ trigger.incident.id | append: '-copy' }}",
        "PSAMPLE1-copy",
        texts.append,
    ),
    Filter(
        "capitalize",
        "Capitalize",
        "{{ 'CHECKOUT is slow' | capitalize }}",
        "Checkout is slow",
        texts.of_text("capitalize", str.capitalize),
    ),
    Filter(
        "compact",
        "Remove null items from a list",
        "{{ trigger.incident.teams | map: 'summary' | compact | join: ', ' }}",
        "Platform",
        lists.compact,
    ),
    Filter(
        "date",
        "Format a date, in UTC or a time zone; `now` is the current time",
        "{{ trigger.incident.created_at | date: '%d %b %Y, %H:%M', 'America/New_York' }}",
        "02 Nov 2026, 04:29",
        dates.date,
    ),
    Filter(
        "default",
        "Default value if missing, null, false or empty",
        "{{ trigger.incident.resolve_reason | default: 'none' }}",
        "none",
        texts.default,
    ),
    Filter(
        "divided_by",
        "Divide; two integers are rounded down, use 2.0 for the exact result",
        "{{ trigger.incident.number | divided_by: 4.0 }}",
        "10.5",
        numbers.divided_by,
    ),
    Filter(
        "downcase",
        "Lowercase",
        "{{ 'Checkout' | downcase }}",
        "checkout",
        texts.of_text("downcase", str.lower),
    ),
    Filter(
        "first",
        "First item of a list; `field.first` is the same and can be continued",
        "{{ trigger.incident.teams | map: 'summary' | first }}",
        "Platform",
        lists.first,
    ),
    Filter(
        "join",
        "Join a list into text, with a space or another separator",
        "{{ trigger.incident.assignees | map: 'summary' | join: ', ' }}",
        "Dana Rivera",
        lists.join,
    ),
    Filter(
        "json",
        "Convert to JSON",
        "{{ trigger.incident.title | json }}",
        '"Checkout answers slowly"',
        texts.json,
    ),
    Filter(
        "last",
        "Last item of a list; `field.last` is the same and can be continued",
        "{{ trigger.incident.html_url | split: '/' | last }}",
        "PSAMPLE1",
        lists.last,
    ),
    Filter(
        "map",
        "Take one field of each list item",
        "{{ trigger.incident.teams | map: 'id' }}",
        '["PTEAM01"]',
        lists.of_each,
    ),
    Filter("minus", "Subtract", "{{ trigger.incident.number | minus: 2 }}", "40", numbers.minus),
    Filter("plus", "Add", "{{ '19.90' | plus: 0.1 }}", "20.00", numbers.plus),
    Filter(
        "prepend",
        "Prepend text",
        "{{ trigger.incident.id | prepend: 'copy-' }}",
        "copy-PSAMPLE1",
        texts.prepend,
    ),
    Filter(
        "replace",
        "Replace all occurrences of a text",
        "{{ trigger.incident.incident_key | replace: '-', ' ' }}",
        "checkout latency",
        texts.replace,
    ),
    Filter(
        "round",
        "Round to an integer, or to N decimal places",
        "{{ '2.675' | round: 2 }}",
        "2.68",
        numbers.round_to,
    ),
    Filter(
        "size",
        "Number of list items or characters",
        "{{ trigger.incident.assignees | size }}",
        "1",
        texts.size,
    ),
    Filter(
        "slice",
        "Part of a text or list: start (0 is the first, -1 the last) and length (1)",
        "{{ trigger.incident.title | slice: 0, 8 }}",
        "Checkout",
        texts.slice_of,
    ),
    Filter(
        "sort",
        "Sort a list; objects by the named field",
        "{{ 'b,c,a' | split: ',' | sort | join: ' ' }}",
        "a b c",
        lists.sort,
    ),
    Filter(
        "split",
        "Split text into a list, at spaces or another separator",
        "{{ trigger.incident.incident_key | split: '-' | first }}",
        "checkout",
        lists.split,
    ),
    Filter(
        "strip",
        "Trim whitespace",
        "{{ '  slow ' | strip }}",
        "slow",
        texts.of_text("strip", str.strip),
    ),
    Filter("times", "Multiply", "{{ trigger.incident.number | times: 1.5 }}", "63.0", numbers.times),
    Filter(
        "truncate",
        "Truncate to N characters (50), including the ending (...)",
        "{{ trigger.incident.title | truncate: 11 }}",
        "Checkout...",
        texts.truncate,
    ),
    Filter(
        "truncatewords",
        "Truncate to N words (15), plus the ending (...)",
        "{{ trigger.incident.title | truncatewords: 2 }}",
        "Checkout answers...",
        texts.truncatewords,
    ),
    Filter(
        "uniq",
        "Remove duplicates from a list; objects by the named field",
        "{{ 'a b a' | split | uniq | join }}",
        "a b",
        lists.uniq,
    ),
    Filter(
        "upcase",
        "Uppercase",
        "{{ trigger.incident.urgency | upcase }}",
        "HIGH",
        texts.of_text("upcase", str.upper),
    ),
    Filter(
        "url_encode",
        "URL-encode",
        "{{ trigger.incident.title | url_encode }}",
        "Checkout+answers+slowly",
        texts.url_encode,
    ),
    Filter(
        "where",
        "Keep list items whose field has a value",
        "{{ trigger.incident.assignees | where: 'id', 'PUSER01' | map: 'summary' | first }}",
        "Dana Rivera",
        lists.where,
    ),
)
FILTERS = {one.name: one for one in _ALL}
