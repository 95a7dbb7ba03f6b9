"""Conditions: what each operator means, and the precise answer to a row that cannot be meant."""

from typing import Any

import pytest
from rest_framework.serializers import ValidationError

from connections.models import Connection
from tests.factories import Ask, note_step
from workflows.conditions import evaluate
from workflows.conditions.fields import ConditionsField
from workflows.expressions import globs
from workflows.models import Trigger

FIELDS = {
    "trigger": {
        "incident": {
            "title": "Payments are SLOW",
            "created_at": "2026-11-02T09:29:58Z",
            "number": 42,
            "teams": ["Platform", "Data"],
            "priority": None,
        }
    }
}


@pytest.mark.parametrize(
    ("field", "operator", "wanted", "holds"),
    [
        ("title", "matches", "payments*slow", True),
        ("title", "matches", "*are*", True),
        ("title", "matches", "payments", False),
        ("title", "matches", "p?yments are slow", True),
        ("title", "matches", "[p]ayments*", False),
        ("teams", "matches", "plat*", True),
        ("teams", "matches", "plan*", False),
        ("priority", "matches", "*", False),
        ("created_at", "before", "2026-11-03", True),
        ("created_at", "before", "2026-11-02T09:29:58Z", False),
        ("created_at", "after", "2026-11-02T10:29:57+01:00", True),
        ("created_at", "after", "09:00", True),
        ("created_at", "after", "10:00", False),
        ("created_at", "after", "10:00+01:00", True),
        ("title", "before", "2026-11-03", False),
        ("number", "after", "2026-11-03", False),
        ("teams.first", "equals", "platform", True),
        ("nothing", "before", "2026-11-03", False),
    ],
)
def test_what_an_operator_means(field: str, operator: str, wanted: Any, holds: bool) -> None:
    rows = [[f"trigger.incident.{field}", operator, wanted]]

    assert evaluate.hold({"match": "all", "rows": rows}, FIELDS) is holds


@pytest.mark.parametrize(
    ("at", "wanted"), [("0001-01-01", "22:00-01:00"), ("9999-12-31T23:59:59Z", "22:00+05:00")]
)
def test_days_beyond_the_calendar_are_at_no_time(at: str, wanted: str) -> None:
    rows = [["trigger.at", operator, wanted] for operator in ("before", "after")]

    assert not any(evaluate.hold({"rows": [row]}, {"trigger": {"at": at}}) for row in rows)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("", "", True),
        ("", "*", True),
        ("", "?", False),
        ("ab", "a*b", True),
        ("aba", "*a", True),
        ("aa", "a*a*a", False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("a\nb", "a*b", True),
        ("x" * 10_001, "x*", True),
    ],
)
def test_wildcards_fit_the_whole_text(text: str, pattern: str, fits: bool) -> None:
    assert globs.matches(text, pattern) is fits


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["trigger.incident.title", "matches", ""], "Row 2: matches takes a pattern"),
        (["trigger.incident.title", "matches", 5], "Row 2: matches takes a pattern"),
        (["trigger.incident.title", "matches", "x" * 201], "Row 2: matches takes a pattern"),
        (["trigger.incident.created_at", "before", "tomorrow"], "Row 2: before takes a date or time such as"),
        (["trigger.incident.created_at", "after", 5], "Row 2: after takes a date or time such as"),
        (["trigger.incident.created_at", "after", "2026-13-01"], "Row 2: after takes a date or time such as"),
        (["trigger.incident.number", "greater", "many"], "Row 2: greater takes a number."),
        (["trigger.incident.number", "less", True], "Row 2: less takes a number."),
        (["trigger.incident.title", "one_of", "x"], "Row 2: one_of takes a list"),
        (["trigger.incident.title", "one_of", []], "Row 2: one_of takes a list"),
        (["trigger.incident.title", "equals", ["x"]], "Row 2: equals takes one value"),
        (["trigger.incident.title", "equals", "x" * 1001], "Row 2: equals takes one value"),
        (["trigger.incident.title", "equal", "x"], "Row 2: there is no operator equal. Did you mean equals?"),
        (["incident.title", "equals", "x"], "Row 2: the field must begin with trigger."),
        (["steps.note.id", "equals", "x"], "Row 2: the field must begin with trigger."),
        (
            ["trigger.incident.titel", "equals", "x"],
            "Row 2: There is no field trigger.incident.titel. Did you",
        ),
        ("x", "Row 2: must be [field, operator, value]."),
    ],
)
def test_a_row_that_cannot_be_meant_is_named(
    ask: Ask, trigger: Trigger, connection: Connection, row: Any, said: str
) -> None:
    rows = [["trigger.incident.title", "exists", True], row]
    body = {"name": "x", "trigger": str(trigger.pk), "steps": [note_step(connection)]}

    answer = ask("post", "workflows/", body | {"conditions": {"match": "all", "rows": rows}})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["conditions"][0].startswith(said)


@pytest.mark.parametrize(("fields", "taken"), [(50, True), (51, False)])
def test_values_have_a_bounded_number_of_fields(fields: int, taken: bool) -> None:
    row = ["trigger.incident.title", "one_of", ["{{ trigger.event.id }}"] * fields]
    judged = ConditionsField()

    if taken:
        assert judged.run_validation({"rows": [row]})["rows"] == [row]
    else:
        with pytest.raises(ValidationError, match="at most 50 fields"):
            judged.run_validation({"rows": [row]})
