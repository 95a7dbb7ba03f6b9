"""The filters of expressions: the table that Liquid, docs/expressions.md and the editor have them from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows import filter_functions as does


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
        """What is put behind a field: of the example, from the filter on."""
        _, bar, behind = self.example.partition(" | ")
        return f"{bar}{behind.removesuffix(' }}')}" if bar else f" | {self.name}"


FILTERS = {
    one.name: one
    for one in (
        Filter(
            "capitalize",
            "First letter large, the others small",
            "{{ 'CHECKOUT is slow' | capitalize }}",
            "Checkout is slow",
            does.of_text("capitalize", str.capitalize),
        ),
        Filter(
            "date",
            "Writes a time (UTC) in another form; `now` is the present",
            "{{ trigger.incident.created_at | date: '%d %b %Y, %H:%M' }}",
            "02 Nov 2026, 09:29",
            does.date,
        ),
        Filter(
            "default",
            "Another value where the field is not there, null, false or empty",
            "{{ trigger.incident.nickname | default: 'none' }}",
            "none",
            does.default,
        ),
        Filter(
            "downcase",
            "Small letters",
            "{{ 'Checkout' | downcase }}",
            "checkout",
            does.of_text("downcase", str.lower),
        ),
        Filter(
            "first",
            "The first of a list; `field.first` is the same, and goes on",
            "{{ trigger.incident.teams.first.summary }}",
            "Platform",
            does.first,
        ),
        Filter(
            "last",
            "The last of a list; `field.last` is the same, and goes on",
            "{{ trigger.incident.teams.last.summary }}",
            "Platform",
            does.last,
        ),
        Filter(
            "size",
            "How many items a list, or characters a text has",
            "{{ trigger.incident.assignees | size }}",
            "1",
            does.size,
        ),
        Filter(
            "strip",
            "Without blanks at both ends",
            "{{ '  slow ' | strip }}",
            "slow",
            does.of_text("strip", str.strip),
        ),
        Filter(
            "truncate",
            "At most so many characters (50), the ending (...) included",
            "{{ trigger.incident.title | truncate: 11 }}",
            "Checkout...",
            does.truncate,
        ),
        Filter(
            "truncatewords",
            "At most so many words (15), then the ending (...)",
            "{{ trigger.incident.title | truncatewords: 2 }}",
            "Checkout answers...",
            does.truncatewords,
        ),
        Filter(
            "upcase",
            "Large letters",
            "{{ trigger.incident.urgency | upcase }}",
            "HIGH",
            does.of_text("upcase", str.upper),
        ),
    )
}
