"""The filters of expressions: the reference in docs/ says what they really do."""

import re
from typing import Any

import pytest
from django.conf import settings

from pagerduty_app.payloads.deliveries import trigger_fields
from pagerduty_app.triggers.types import TRIGGERS
from workflows import expressions
from workflows.expressions.filters.table import FILTERS, Filter
from workflows.expressions.writing import text_of

FIELDS = {"trigger": trigger_fields(TRIGGERS["pagerduty/incident-triggered"].sample)}
DOES = re.compile(r"^\| `(\w+)` \| ([^|`{][^|]*) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^\| `(\w+)` \| `(\{\{ .+ \}\})` \| (.*) \|$", re.MULTILINE)
PAGE = (settings.BASE_DIR / "docs/expressions.md").read_text(encoding="utf-8")
# A stroke inside a Markdown table is escaped.
DOCUMENTED = [
    (name, does, example.replace("\\|", "|"), result.replace("\\|", "|"))
    for (name, does), (_, example, result) in zip(DOES.findall(PAGE), EXAMPLE.findall(PAGE), strict=True)
]


def test_every_filter_is_in_the_reference_as_the_table_has_it() -> None:
    assert [(one.name, one.does, one.example, one.result) for one in FILTERS.values()] == DOCUMENTED
    assert [name for name, *_ in EXAMPLE.findall(PAGE)] == list(FILTERS)


@pytest.mark.parametrize(("name", "example", "result"), [(name, *row) for name, _, *row in DOCUMENTED])
def test_an_example_of_the_reference_gives_what_it_says(name: str, example: str, result: str) -> None:
    assert name in example
    assert text_of(expressions.render(example, FIELDS)) == result


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ trigger.incident.number }}", 42),
        ("{{ trigger.incident.number | upcase }}", "42"),
        ("{{ trigger.incident.reopened_at | default: 'never' }}", "never"),
        ("{{ 'a' | truncate: 0 }}", "..."),
        ("{{ 'abcdef' | truncate: 5, '' }}", "abcde"),
        ("{{ 'a b c' | truncatewords: 2, ' …' }}", "a b …"),
        ("{{ false | default: 'x' }}", "x"),
        ("{{ 0 | default: 'x' }}", 0),
        ("{{ trigger.incident.title | size }}", 23),
        ("{{ '2026-11-02T23:30:00-01:00' | date: '%Y-%m-%d %H:%M' }}", "2026-11-03 00:30"),
        ("{{ '2026-11-02' | date: '100%% %A' }}", "100% Monday"),
    ],
)
def test_what_a_filter_gives(template: str, result: Any) -> None:
    assert expressions.render(template, FIELDS) == result


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ trigger.incident.teams | upcase }}", "upcase takes a text, not a list or an object."),
        ("{{ trigger.incident.title | first }}", "first takes a list."),
        ("{{ trigger.incident.title | truncate: 'x' }}", "truncate takes a number."),
        ("{{ trigger.incident.title | date: '%Y' }}", "date takes a date or time such as"),
        ("{{ 'now' | date: '%5d' }}", "A date format has no %5."),
        ("{{ 'now' | date: '%' }}", "A date format has no %."),
        ("{{ trigger.incident.title | upcas }}", "There is no filter upcas. Did you mean upcase?"),
        (
            "{{ trigger.incident.title | nonsense }}",
            "There is no filter nonsense. Known: append, capitalize,",
        ),
        (
            "{{ trigger.incident.titel | upcase }}",
            "There is no field trigger.incident.titel. Did you mean title?",
        ),
    ],
)
def test_what_a_filter_refuses(template: str, said: str) -> None:
    with pytest.raises(expressions.ExpressionError) as refused:
        expressions.render(template, FIELDS)

    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("one", FILTERS.values(), ids=FILTERS)
def test_what_the_editor_puts_behind_a_field_is_that_filter(one: Filter) -> None:
    assert one.insertion.startswith(f" | {one.name}")
    assert one.insertion.count(" | ") == 1
    expressions.check("{{ trigger.incident.created_at%s }}" % one.insertion)  # noqa: UP031
