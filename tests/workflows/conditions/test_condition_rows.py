"""Rows of conditions: paths through lists, fields as values, and the explanation of a judged row."""

from typing import Any

import pytest

from tests.support.processor_time import processor_seconds
from workflows.conditions import evaluate

TEAM, DATA = {"id": "PTEAM1", "summary": "Platform"}, {"id": "PTEAM2", "summary": "Data"}
FIELDS = {
    "trigger": {
        "incident": {
            "title": "Payments: queue is full",
            "number": 42,
            "service": {"id": "PSVC1", "summary": "Payments"},
            "priority": None,
            "created_at": "2026-11-02T09:29:58Z",
            "teams": [TEAM, DATA],
            "assignees": [],
            "tags": ["edge", "queue"],
            "groups": [{"members": [TEAM, {"id": "PUSER1", "summary": None}]}, {"members": None}, "odd"],
        },
        "event": {"occurred_at": "2026-11-02T10:30:00+01:00"},
    }
}


def held(field: str, operator: str, wanted: Any) -> bool:
    return evaluate.hold({"rows": [[f"trigger.{field}", operator, wanted]]}, FIELDS)


@pytest.mark.parametrize(
    ("field", "operator", "wanted", "holds"),
    [
        ("incident.teams.*.summary", "equals", "data", True),
        ("incident.teams.*.summary", "contains", "plat", True),
        ("incident.teams.*.summary", "contains", "edge", False),
        ("incident.teams.*.summary", "not_equals", "Data", False),
        ("incident.teams.*.summary", "not_contains", "edge", True),
        ("incident.teams.*.summary", "one_of", ["x", "Platform"], True),
        ("incident.teams.*.summary", "matches", "d?ta", True),
        ("incident.teams.*.summary", "exists", True, True),
        ("incident.teams.*.nothing", "exists", False, True),
        ("incident.teams.*.nothing", "exists", True, False),
        ("incident.teams.*", "equals", "Platform", True),
        ("incident.teams.0.summary", "equals", "Platform", True),
        ("incident.teams.1.summary", "equals", "Platform", False),
        ("incident.teams.2.summary", "not_equals", "Platform", True),
        ("incident.teams.last.summary", "equals", "Data", True),
        ("incident.teams.size", "equals", "2", True),
        ("incident.teams.size", "greater", 2, False),
        ("incident.assignees.size", "equals", 0, True),
        ("incident.assignees.*.summary", "equals", "", False),
        ("incident.assignees.*.summary", "not_equals", "Dana", True),
        ("incident.assignees.*.summary", "exists", False, True),
        ("incident.groups.*.members.*.summary", "contains", "form", True),
        ("incident.groups.*.members.*.id", "equals", "puser1", True),
        ("incident.groups.*.members.0.id", "equals", "PUSER1", False),
        ("incident.groups.*.members.*.summary", "equals", "None", False),
        ("incident.tags.*", "equals", "QUEUE", True),
        ("incident.tags.*", "contains", "que", True),
        ("incident.tags", "contains", "que", False),
        ("incident.title.*", "equals", "P", False),
        ("incident.service.*", "equals", "Payments", False),
    ],
)
def test_a_path_through_a_list_looks_at_each_item(
    field: str, operator: str, wanted: Any, holds: bool
) -> None:
    assert held(field, operator, wanted) is holds


@pytest.mark.parametrize(
    ("field", "operator", "wanted", "holds"),
    [
        ("incident.title", "contains", "{{ trigger.incident.service.summary }}", True),
        ("incident.title", "equals", "{{ trigger.incident.service.summary }}: queue is full", True),
        ("incident.title", "contains", "{{ trigger.incident.service.summary | upcase }}", True),
        ("incident.title", "contains", "{{ trigger.incident.priority.summary }}", False),
        ("incident.title", "not_contains", "{{ trigger.incident.priority.summary }}", True),
        ("incident.title", "equals", "{{ trigger.incident.nothing }}", False),
        ("incident.nothing", "equals", "{{ trigger.incident.nothing }}", False),
        ("incident.nothing", "not_equals", "{{ trigger.incident.nothing }}", True),
        ("incident.teams", "contains", "{{ trigger.incident.teams[1].summary }}", True),
        ("incident.teams.*.id", "equals", "{{ trigger.incident.teams }}", True),
        ("incident.number", "equals", "{{ trigger.incident.number }}", True),
        ("incident.number", "greater", "{{ trigger.incident.teams.size }}", True),
        ("incident.created_at", "before", "{{ trigger.event.occurred_at }}", True),
        ("incident.service", "one_of", ["x", "{{ trigger.incident.service.id }}"], True),
        ("incident.service", "one_of", ["{{ trigger.incident.priority.id }}"], False),
        ("incident.title", "matches", "{{ trigger.incident.service.summary }}*", True),
        # What a published version had in it before values were filled in, and is no expression.
        ("incident.title", "contains", "{{ trigger.incident.priority.summary | default: '' }}", False),
        ("incident.title", "not_contains", "{{ trigger.incident.priority.summary | default: '' }}", True),
        ("incident.title", "contains", "{{ nothing of the kind", False),
        ("incident.title", "not_contains", "{{ nothing of the kind", True),
    ],
)
def test_another_field_is_the_value(field: str, operator: str, wanted: Any, holds: bool) -> None:
    assert held(field, operator, wanted) is holds


def test_what_was_compared_is_told_row_by_row() -> None:
    rows = [
        ["trigger.incident.priority.summary", "contains", "on"],
        ["trigger.incident.teams", "contains", "{{ trigger.incident.service.summary }}"],
        ["trigger.incident.teams.*.summary", "equals", "data"],
        ["trigger.incident.number", "greater", 40],
        ["trigger.incident.assignees", "exists", True],
    ]

    found = evaluate.judge({"match": "all", "rows": rows}, FIELDS)

    assert [(row.held, row.actual, row.compared_with) for row in found] == [
        (False, "nothing", "on"),
        (False, "Platform (PTEAM1), Data (PTEAM2)", "Payments"),
        (True, "Platform, Data", "data"),
        (True, "42", "40"),
        (True, "an empty list", "true"),
    ]
    for match, result in (("all", all), ("any", any)):
        judged = result(row.held for row in found)
        assert evaluate.hold({"match": match, "rows": rows}, FIELDS) is judged


@pytest.mark.parametrize(
    "value", ["x" * 10_000, "\n" * 300 + "x" * 300, ["y" * 500] * 500, {"a": "z" * 9000}]
)
def test_what_is_told_is_short_and_on_one_line(value: Any) -> None:
    (row,) = evaluate.judge({"rows": [["trigger.at", "equals", value]]}, {"trigger": {"at": value}})

    for shown in (row.actual, row.compared_with):
        assert len(shown) <= 200
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("path", "operator", "wanted"),
    [
        ("lists.*.*.summary", "matches", "*a" * 99 + "b"),
        ("lists.*.*.summary", "contains", "a" * 999 + "b"),
        ("lists.*.*.summary", "one_of", ["a" * 999] * 100),
        ("lists.*.*.size", "greater", "1e999"),
        ("lists.*.*", "equals", "{{ trigger.lists }}"),
        ("marks", "contains", "a" + "\u0327\u0301" * 400),
    ],
)
def test_the_longest_delivery_is_judged_at_once(path: str, operator: str, wanted: Any) -> None:
    lists = [[{"summary": "a" * 100, "id": "x"}] * 50] * 40
    fields = {"trigger": {"lists": lists, "marks": "a" + "\u0301\u0327" * 15_000}}
    rows = {"rows": [[f"trigger.{path}", operator, wanted]]}

    assert processor_seconds(lambda: evaluate.hold(rows, fields)) < 0.2


def test_a_list_as_the_value_is_looked_for_in_bounded_time() -> None:
    fields = {"many": [{"summary": f"summary {n} {'a' * 60}"} for n in range(2000)], "words": ["zz"] * 2000}
    row = ["trigger.many.*.summary", "contains", "{{ trigger.words }}"]

    assert not evaluate.hold({"rows": [row]}, {"trigger": fields})
    assert processor_seconds(lambda: evaluate.hold({"rows": [row]}, {"trigger": fields})) < 0.3
