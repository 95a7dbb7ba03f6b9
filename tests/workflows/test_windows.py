"""Windows of the week: what lies in them, and which texts are none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from workflows import conditions, windows
from workflows.condition_form import ConditionForm
from workflows.workflow_words import rows as in_words


def holds(operator: str, at: Any, wanted: Any) -> bool:
    return conditions.hold({"rows": [["trigger.at", operator, wanted]]}, {"trigger": {"at": at}})


# 2026-11-02 is a Monday.
@pytest.mark.parametrize(
    ("at", "window", "inside"),
    [
        ("2026-11-02T09:00:00Z", "09:00-17:00", True),
        ("2026-11-02T17:00:00Z", "09:00-17:00", False),
        ("2026-11-02T16:59:59Z", "09:00-17:00", True),
        ("2026-11-02T09:00:00Z", "mon 09:00-17:00", True),
        ("2026-11-03T09:00:00Z", "Mon 09:00-17:00", False),
        ("2026-11-04T09:00:00Z", "Mon,Wed 09:00-17:00", True),
        ("2026-11-06T09:00:00Z", "Mon-Fri 09:00-17:00", True),
        ("2026-11-07T09:00:00Z", "Mon-Fri 09:00-17:00", False),
        ("2026-11-08T09:00:00Z", "Sat-Mon 09:00-17:00", True),
        ("2026-11-02T09:00:00Z", "Sat-Mon 09:00-17:00", True),
        ("2026-11-07T23:59:00Z", "Sat,Sun 00:00-24:00", True),
        ("2026-11-09T00:00:00Z", "Sat,Sun 00:00-24:00", False),
        ("2026-11-02T12:00:00Z", "12:00-12:00", True),
        # Over midnight: Friday's night ends on Saturday; Monday's early hours are Sunday's night.
        ("2026-11-06T22:30:00Z", "Mon-Fri 22:00-06:00", True),
        ("2026-11-07T05:59:00Z", "Mon-Fri 22:00-06:00", True),
        ("2026-11-07T22:30:00Z", "Mon-Fri 22:00-06:00", False),
        ("2026-11-02T05:59:00Z", "Mon-Fri 22:00-06:00", False),
        # The same hour by the clock in summer and in winter; the day is that of the zone.
        ("2026-07-01T07:30:00Z", "09:00-17:00 Europe/Berlin", True),
        ("2026-12-01T07:30:00Z", "09:00-17:00 Europe/Berlin", False),
        ("2026-11-02T01:00:00Z", "Sun 00:00-24:00 America/New_York", True),
    ],
)
def test_what_lies_in_a_window(at: str, window: str, inside: bool) -> None:
    assert holds("within", at, window) is inside
    assert holds("outside", at, window) is not inside


@pytest.mark.parametrize("at", [None, 5, "", "soon", ["2026-11-02"], {}])
def test_what_is_no_moment_is_neither_inside_nor_outside(at: Any) -> None:
    assert not holds("within", at, "00:00-24:00")
    assert not holds("outside", at, "00:00-24:00")


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_days_beyond_the_calendar_are_in_no_window(at: datetime) -> None:
    for zone in ("Asia/Tokyo", "America/New_York"):
        found = windows.window(f"Mon 10:00-09:00 {zone}")
        assert found
        assert found.has(at) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        5,
        ["09:00-17:00"],
        {"a": 1},
        "9-17",
        "09:00",
        "09:00-25:00",
        "24:00-06:00",
        "09:60-17:00",
        "Mondays 09:00-17:00",
        "Mon-Fri",
        "Mon- 09:00-17:00",
        "09:00-17:00 Mars/Olympus",
        "09:00-17:00 Europe",
        "09:00-17:00 ../../etc/passwd",
        "09:00-17:00 /etc/passwd",
        "\u0660\u0669:\u0660\u0660-17:00",
        "Mon," * 30 + "Mon 09:00-17:00",
        "09:00-17:00 " + "x" * 10_000,
    ],
)
def test_what_is_no_window_is_refused_and_holds_nothing(text: Any) -> None:
    assert not conditions.OPERATORS["within"].fits(text)
    assert not holds("within", "2026-11-02T09:00:00Z", text)
    assert not holds("outside", "2026-11-02T09:00:00Z", text)


def test_the_form_offers_it_and_the_draft_says_it() -> None:
    assert ("within", "is within") in ConditionForm({}, []).operators
    said = in_words({"rows": [["trigger.event.occurred_at", "within", "Mon-Fri 09:00-17:00"]]})
    assert said == ["Event occurred at is within Mon-Fri 09:00-17:00"]
