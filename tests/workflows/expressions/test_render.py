"""Expressions: what they give, and in which words they fail. Python's own words never reach a person."""

import json
import re
from typing import Any

import pytest

from workflows import expressions

FIELDS: dict[str, Any] = {
    "trigger": {
        "incident": {
            "title": "Café is slow",
            "number": 37,
            "share": 0.0000001,
            "urgent": True,
            "priority": None,
            "reopened_at": None,
            "service": {"id": "PSVC1", "summary": "Überweisung"},
            "teams": [{"id": "PT1", "summary": "Platform"}, {"id": "PT2", "summary": None}],
            "nobody": [],
            "costs": ["19.90", "0.10"],
        }
    },
    "steps": {"create": {"incident": {"id": "PNEW1"}}},
}


def said(template: str, fields: dict[str, Any] = FIELDS) -> str:
    with pytest.raises(expressions.ExpressionError) as refused:
        expressions.render(template, fields)
    return str(refused.value)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("trigger.incident.priority", "trigger.incident.priority is null."),
        ("trigger.incident.priority.summary", "trigger.incident.priority is null, so it has no summary."),
        ("trigger.incident.priority.a.b", "trigger.incident.priority is null, so it has no a."),
        ("trigger.incident.teams[1].summary", "trigger.incident.teams.1.summary is null."),
        ("trigger.incident.teams[2].summary", "trigger.incident.teams has only 2 items."),
        ("trigger.incident.nobody[0].id", "trigger.incident.nobody is empty."),
        ("trigger.incident.nobody.first.id", "trigger.incident.nobody is empty."),
        ("trigger.incident.nobody | first", "{{ trigger.incident.nobody | first }} gives nothing."),
        ("trigger.incident.colour", "There is no field trigger.incident.colour."),
        ("trigger.incident.titel", "There is no field trigger.incident.titel. Did you mean title?"),
        ("steps.create.note.id", "There is no field steps.create.note."),
        ("steps.skipped.incident.id", "Step skipped has no output: it was skipped, or it failed."),
        ("trigger.incident.reopened_at | date: '%Y'", "trigger.incident.reopened_at is null."),
        ("trigger.incident.priority | upcase | size", "trigger.incident.priority is null."),
        ("'a' | append: trigger.incident.priority", "trigger.incident.priority is null."),
        (
            "trigger.incident.priority | default: trigger.incident.reopened_at",
            "trigger.incident.reopened_at is null.",
        ),
        ("trigger.incident[trigger.incident.priority]", "trigger.incident.priority is null."),
        ("nil", "nil and null are nothing"),
    ],
)
@pytest.mark.parametrize("around", ["%s", "follow-up-%s", "%s: {{ trigger.incident.title }}"])
def test_what_is_null_or_missing_fails_by_name_alone_and_among_text(
    inside: str, words: str, around: str
) -> None:
    assert said(around % f"{{{{ {inside} }}}}").startswith(words)


@pytest.mark.parametrize(
    ("inside", "result"),
    [
        ("trigger.incident.priority.summary | default: 'none'", "none"),
        ("trigger.incident.nobody[0].id | default: 'none'", "none"),
        ("trigger.incident.nobody | first | default: 'none'", "none"),
        ("steps.skipped.incident.id | default: 'none'", "none"),
        ("trigger.incident.priority | default", ""),
        ("nil | default: 'none'", "none"),
        ("trigger.incident.priority.summary | upcase | default: 'none'", "none"),
        ("trigger.incident.priority.summary | default: 'none' | upcase", "NONE"),
        ("trigger.incident.priority | default: trigger.incident.colour | default: 'grey'", "grey"),
        # Either order, because both are written.
        ("trigger.incident.reopened_at | date: '%H:%M' | default: 'never'", "never"),
        ("trigger.incident.reopened_at | default: 'never' | date: '%H:%M'", "never"),
        ("trigger.incident.reopened_at | default: '2026-11-02' | date: '%A'", "Monday"),
    ],
)
def test_a_default_stands_in_wherever_it_is_written(inside: str, result: str) -> None:
    assert expressions.render(f"{{{{ {inside} }}}}", FIELDS) == result
    assert expressions.render(f"<{{{{ {inside} }}}}>", FIELDS) == f"<{result}>"


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ trigger.incident.service }}.", '{"id":"PSVC1","summary":"Überweisung"}.'),
        ("{{ trigger.incident.costs }}.", '["19.90","0.10"].'),
        ("{{ trigger.incident.nobody }}.", "[]."),
        ("{{ trigger.incident.urgent }}.", "true."),
        ("{{ trigger.incident.urgent | upcase }}.", "TRUE."),
        ("{{ false }} {{ true }} {{ empty }}{{ blank }}.", "false true ."),
        ("{{ trigger.incident.number }} {{ 5.0 }}.", "37 5.0."),
        ("{{ trigger.incident.share }}.", "0.0000001."),
        (
            "{{ trigger.incident.teams | json }}.",
            json.dumps(FIELDS["trigger"]["incident"]["teams"]).replace(" ", "") + ".",
        ),
        ("{{ trigger.incident.title | json }}.", '"Café is slow".'),
        ("{{ trigger.incident.teams | map: 'id' }}.", '["PT1","PT2"].'),
    ],
)
def test_lists_and_objects_are_json_and_numbers_plain(template: str, result: str) -> None:
    assert expressions.render(template, FIELDS) == result


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ '{{' }} and {{ '}}' }}", "{{ and }}"),
        ('{{ "{{ trigger.incident.title }}" }}', "{{ trigger.incident.title }}"),
        ("{% raw %}{{ trigger.incident.title }}{% endraw %}", "{{ trigger.incident.title }}"),
        ("a {%- raw -%}{% if x %}{%- endraw -%} {{ trigger.incident.number }}", "a{% if x %} 37"),
        ("{% raw %}{% endraw %}", ""),
        ("}} { } %} {a", "}} { } %} {a"),
        (" a {{- trigger.incident.number -}} b", " a37b"),
    ],
)
def test_braces_that_are_meant_as_they_are(template: str, result: str) -> None:
    assert expressions.render(template, FIELDS) == result


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (
            "{{ trigger.incident.title | date: '%Y', 'UTC', 3 }}",
            "date takes at most 2 arguments, but is given 3.",
        ),
        ("{{ trigger.incident.title | upcase: 1 }}", "upcase takes no arguments, but is given 1."),
        ("{{ trigger.incident.title | append }}", "append needs an argument behind a colon, as in {{"),
        ("{{ trigger.incident.title | append: a: 1 }}", "append has no argument called a."),
        ("{{ trigger.incident.title | append: 'x', more: 'y' }}", "append is given the same argument twice."),
        ("{{ trigger.incident.title | upcas }}", "There is no filter upcas. Did you mean upcase?"),
        (
            "a\nb {{ trigger.incident.title | }}",
            "{{ trigger.incident.title | }} cannot be read: something is missing at its end, line 2, character 30.",
        ),
        (
            "{{ trigger.incident ! }}",
            "{{ trigger.incident ! }} cannot be read: check “!”, line 1, character 21.",
        ),
        ("{{ }}", "A field between {{ and }} is empty."),
        ("{{ trigger.incident.title", "A field that begins with {{ has to end with }}."),
        ("{% raw %} a", "{% raw %} has to end with {% endraw %}."),
        ("{% endraw %}", "Tags such as {% if %} are not available"),
        ("{{ trigger.incident.number | divided_by: 0 }}", "divided_by: nothing can be divided by 0."),
        ("{{ trigger.incident.title | plus: 1 }}", "plus takes numbers, such as 5 or 2.50."),
        ("{{ trigger.incident.number | times: '1e999' }}", "times takes numbers, such as 5 or 2.50."),
        ("{{ trigger.incident.teams | map: 'summary' | join: ', ' }}", "join: item 2 is null."),
        ("{{ trigger.incident.costs | map: 'id' }}", "map: id is looked for in objects"),
        ("{{ trigger.incident.teams | sort }}", "sort takes a list of texts or of numbers"),
        (
            "{{ 'now' | date: '%H', 'Europe/Lundon' }}",
            "Unknown time zone Europe/Lundon. Did you mean Europe/London?",
        ),
        ("{{ 'now' | date: '%H', 'Berlin' }}", "Unknown time zone Berlin. Did you mean Europe/Berlin?"),
        ("{{ 'now' | date: '%H', 'localtime' }}", "Unknown time zone localtime."),
    ],
)
def test_every_fault_is_said_in_our_words(template: str, words: str) -> None:
    message = said(template)

    assert message.startswith(words)
    assert not re.search(r"positional|NoneType|object has no|Traceback|out of range|undefined|token", message)


@pytest.mark.parametrize(
    ("inside", "result"),
    [
        ("0.1 | plus: 0.2", "0.3"),
        ("'19.90' | times: 3", "59.70"),
        ("trigger.incident.number | minus: 40", "-3"),
        ("7 | divided_by: 2", "3"),
        ("7 | divided_by: 2.0", "3.5"),
        ("-2.5 | round", "-3"),
        ("trigger.incident.costs.first | plus: trigger.incident.costs.last", "20.00"),
        ("9007199254740993 | plus: 0", "9007199254740993"),
        ("trigger.incident.teams | where: 'id', 'PT1' | map: 'summary' | join", "Platform"),
        ("trigger.incident.teams | where: 'summary' | size", "1"),
        ("trigger.incident.teams | map: 'summary' | compact | join: ', '", "Platform"),
        ("'b,A,c' | split: ',' | sort | join: ''", "Abc"),
        ("'a-b' | replace: '-', '' | prepend: '<' | append: '>'", "<ab>"),
        ("'a b&c' | url_encode", "a+b%26c"),
        ("'checkout' | slice: -3, 9", "out"),
        ("'' | split: ',' | size", "0"),
        ("trigger.incident.title.size", "12"),
        ("'2026-07-01T12:00:00Z' | date: '%H:%M %Z', 'europe/london'", "13:00 BST"),
        ("'2026-07-01T12:00:00Z' | date: '%H:%M', zone: 'Asia/Kolkata'", "17:30"),
    ],
)
def test_what_filters_give_together(inside: str, result: str) -> None:
    assert expressions.render(f"<{{{{ {inside} }}}}>", FIELDS) == f"<{result}>"


@pytest.mark.parametrize(
    "inside",
    [
        "'x' " + "| append: 'xxxxxxxxxxxxxxxxxxxx' | replace: 'x', 'xxxxxxxxxxxxxxxxxxxx' " * 9,
        "9 " + "| times: 999999999999 " * 30,
        "'" + "9" * 900 + "' | plus: 1",
        "1" * 900 + " | plus: 1",
        "'" + "a," * 400 + "' | replace: ',', '" + "," * 200 + "' | split: ','",
    ],
)
def test_a_chain_of_filters_stays_small(inside: str) -> None:
    assert len(said(f"{{{{ {inside} }}}}")) < 400
