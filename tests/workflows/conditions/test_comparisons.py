"""Each operator on each kind of value: the table that conditions decide by, cell by cell, and as it is printed."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.support.present import present
from workflows.conditions import evaluate
from workflows.conditions.comparisons.kinds import Kind, kind_of
from workflows.conditions.comparisons.numbers import number
from workflows.conditions.comparisons.operators import TABLE

MISSING = object()
TEAMS = [{"id": "PTEAM1", "summary": "Platform"}, {"id": "PTEAM2", "summary": None}]
VALUES: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "true": True,
    "false": False,
    "5": 5,
    "5.0": 5.0,
    "2**53+1": 2**53 + 1,
    "text 5": "5",
    "empty text": "",
    "Platform": "Platform",
    "sentence": "The PLATFORM is down: none on call",
    "moment": "2026-11-02T09:30:00Z",
    "no items": [],
    "texts": ["Platform", "Data"],
    "numbers": [5, 7],
    "empty texts": [""],
    "list in list": [["Platform"]],
    "objects": TEAMS,
    "object": TEAMS[0],
    "no fields": {},
}
NOT_THERE = {"missing", "null"}
# (operator, value of the row) → what it holds for, of all the values above.
HOLDS: list[tuple[str, Any, set[str]]] = [
    ("equals", "platform", {"Platform", "texts", "objects", "object"}),
    ("equals", "pteam1", {"objects", "object"}),
    ("equals", "PTEAM2", {"objects"}),
    ("equals", "", {"empty text", "empty texts"}),
    ("equals", "None", set()),
    ("equals", "null", set()),
    ("equals", "5", {"5", "5.0", "text 5", "numbers"}),
    ("equals", "5.0", {"5", "5.0", "numbers"}),
    ("equals", "5e0", {"5", "5.0", "numbers"}),
    ("equals", 5, {"5", "5.0", "text 5", "numbers"}),
    ("equals", 5.0, {"5", "5.0", "text 5", "numbers"}),
    ("equals", "9007199254740993", {"2**53+1"}),
    ("equals", 2**53 + 1, {"2**53+1"}),
    ("equals", "9007199254740992", set()),
    ("equals", 2**53, set()),
    ("equals", "true", {"true"}),
    ("equals", True, {"true"}),
    ("equals", "False", {"false"}),
    ("equals", "1", set()),
    ("equals", 1, set()),
    ("equals", 0, set()),
    ("equals", "2026-11-02T10:30:00+01:00", {"moment"}),
    ("equals", "2026-11-02", set()),
    ("equals", "[]", set()),
    ("equals", "{}", set()),
    ("contains", "platform", {"Platform", "sentence", "texts", "objects", "object"}),
    ("contains", "plat", {"Platform", "sentence", "object"}),
    ("contains", "on", {"sentence"}),
    ("contains", "none", {"sentence"}),
    ("contains", "ul", set()),
    ("contains", "rue", set()),
    ("contains", "5", {"5", "5.0", "2**53+1", "text 5", "numbers"}),
    ("contains", "992547", {"2**53+1"}),
    ("contains", "summary", set()),
    ("contains", "PTEAM2", {"objects"}),
    ("one_of", ("x", "platform"), {"Platform", "texts", "objects", "object"}),
    ("one_of", ("none", "null", "x"), set()),
    ("one_of", ("5.0", "true"), {"true", "5", "5.0", "numbers"}),
    ("one_of", (7, ""), {"numbers", "empty text", "empty texts"}),
    ("greater", "4.9", {"5", "5.0", "text 5", "2**53+1"}),
    ("greater", 5, {"2**53+1"}),
    ("greater", "9007199254740992", {"2**53+1"}),
    ("greater", "9007199254740993", set()),
    ("greater", "-1", {"5", "5.0", "text 5", "2**53+1"}),
    ("less", "5.1", {"5", "5.0", "text 5"}),
    ("less", "1e300", {"5", "5.0", "text 5", "2**53+1"}),
    ("less", "9007199254740994", {"5", "5.0", "text 5", "2**53+1"}),
    ("matches", "plat*", {"Platform", "texts", "objects", "object"}),
    (
        "matches",
        "*",
        {
            *("5", "5.0", "2**53+1", "text 5", "empty text", "Platform", "sentence", "moment"),
            *("texts", "numbers", "empty texts", "objects", "object"),
        },
    ),
    ("matches", "5*", {"5", "5.0", "text 5", "numbers"}),
    ("matches", "t*e", set()),
    ("matches", "*none*", {"sentence"}),
    ("before", "2026-11-03", {"moment"}),
    ("before", "2026-11-02T09:30:00Z", set()),
    ("before", "09:31", {"moment"}),
    ("after", "2026-11-02T10:29:59+01:00", {"moment"}),
    ("after", "09:30", set()),
    ("within", "Mon 09:00-10:00", {"moment"}),
    ("within", "00:00-24:00", {"moment"}),
    ("within", "Tue 00:00-24:00", set()),
    ("outside", "Tue 00:00-24:00", {"moment"}),
    ("outside", "00:00-24:00", set()),
    ("exists", True, set(VALUES) - NOT_THERE),
    ("exists", False, NOT_THERE),
]
NEGATIVE = {"not_equals": "equals", "not_contains": "contains"}
ROWS = [
    *HOLDS,
    *(
        (negative, wanted, set(VALUES) - holding)
        for negative, positive in NEGATIVE.items()
        for operator, wanted, holding in HOLDS
        if operator == positive
    ),
]
CELLS = [(operator, wanted, name, name in holding) for operator, wanted, holding in ROWS for name in VALUES]


def at(name: str) -> Any:
    return None if VALUES[name] is MISSING else VALUES[name]


def judged(operator: str, name: str, wanted: Any) -> bool:
    value = VALUES[name]
    fields = {} if value is MISSING else {"at": value}
    row = ["trigger.at", operator, list(wanted) if isinstance(wanted, tuple) else wanted]
    return evaluate.hold({"rows": [row]}, {"trigger": fields})


@pytest.mark.parametrize(("operator", "wanted", "holding"), ROWS)
def test_a_row_of_the_table(operator: str, wanted: Any, holding: set[str]) -> None:
    held = {name: judged(operator, name, wanted) for name in VALUES}

    assert held == {name: name in holding for name in VALUES}


def test_every_operator_is_tried_on_every_kind() -> None:
    tried = {(operator, kind_of(at(name))) for operator, _, name, _ in CELLS}

    assert tried == {(operator, kind) for operator in evaluate.OPERATORS for kind in Kind}
    assert list(evaluate.OPERATORS) == list(TABLE)


class TestAsItIsPrinted:
    """docs/workflows.md has a line for each operator in three tables, and together a column for each kind."""

    def printed(self) -> list[list[str]]:
        page = (Path(settings.BASE_DIR) / "docs" / "workflows.md").read_text(encoding="utf-8")
        blocks = [block for block in page.split("\n\n") if block.startswith("| Operator | ")]
        tables = [
            [
                [cell.strip() for cell in line.strip("|").split("|")]
                for line in block.splitlines()
                if "---" not in line
            ]
            for block in blocks
            if block.splitlines()[0] != "| Operator | Value |"
        ]
        assert tables, "the tables are not there"
        assert all([row[0] for row in table] == [row[0] for row in tables[0]] for table in tables)
        return [
            [rows[0][0], *(cell for row in rows for cell in row[1:])] for rows in zip(*tables, strict=True)
        ]

    def test_the_docs_print_the_table_that_decides(self) -> None:
        head, *rows = self.printed()

        assert head == ["Operator", *(kind.value for kind in Kind)]
        assert {tuple(re.findall(r"`(\w+)`", row[0])): row[1:] for row in rows} == {
            **{
                names: [TABLE[names[0]][kind].words for kind in Kind]
                for names in [
                    ("equals", "one_of"),
                    ("not_equals",),
                    ("contains",),
                    ("not_contains",),
                    ("greater", "less"),
                    ("matches",),
                    ("before", "after", "within", "outside"),
                    ("exists",),
                ]
            }
        }

    def test_what_is_printed_is_what_happens(self) -> None:
        head, *rows = self.printed()
        said = {
            (operator, kind): words if words in ("always", "never") else "sometimes"
            for row in rows
            for operator in re.findall(r"`(\w+)`", row[0])
            for kind, words in zip(head[1:], row[1:], strict=True)
        }

        assert said == {key: self.happens(*key) for key in said}

    def happens(self, operator: str, kind: str) -> str:
        """What the cells above add up to."""
        results = {
            held
            for one, wanted, name, held in CELLS
            if one == operator and wanted is not False and kind_of(at(name)).value == kind
        }
        return "sometimes" if len(results) == 2 else "always" if results == {True} else "never"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "nan",
            "inf",
            "-inf",
            "NaN",
            "sNaN",
            "1e999999999",
            "1e-999999999",
            "1e1000",
            "1_000",
            "0x10",
            "five",
            "",
        ),
        *("\u0665", "1e", ".", "+", "1.2.3", "9" * 1001, "1" * 1_000_000),
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, None, [5], {"a": 5}, 2**5000])
def test_what_is_no_number_in_json_either(value: Any) -> None:
    assert number(value) is None


def test_amounts_at_the_bounds_are_compared() -> None:
    most, many, least = (present(number(text)) for text in ("1e999", "9" * 400, "-1e-999"))
    assert most > many > least
    assert hash(number("1e999")) == hash(number("10e998"))
