"""Windows of the week: what lies in them, and which texts are none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from workflows.authoring.condition_rows import ConditionForm
from workflows.authoring.descriptions import rows as in_words
from workflows.conditions import evaluate
from workflows.expressions import time_windows


def holds(operator: str, at: Any, wanted: Any) -> bool:
    return evaluate.hold({"rows": [["trigger.at", operator, wanted]]}, {"trigger": {"at": at}})


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
        found = time_windows.window(f"Mon 10:00-09:00 {zone}")
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
    assert not evaluate.OPERATORS["within"].fits(text)
    assert not holds("within", "2026-11-02T09:00:00Z", text)
    assert not holds("outside", "2026-11-02T09:00:00Z", text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Write hours as text, such as 09:00-17:00."),
        (5, "Write hours as text, such as 09:00-17:00."),
        ("Mon-Fri", "There are no hours in “Mon-Fri”: write them as 09:00-17:00."),
        ("09:00", "“09:00” has no end: write hours as 09:00-17:00."),
        ("09:00-", "“09:00-” has no end: write hours as 09:00-17:00."),
        ("-17:00", "“-17:00” has no beginning: write hours as 09:00-17:00."),
        ("9-17", "“9” is no time of day: write two digits each, such as 09:00."),
        ("09:00-17", "“17” is no time of day: write two digits each, such as 09:00."),
        ("09:00-5pm", "“5pm” is no time of day: write two digits each, such as 09:00."),
        ("09:00-25:00", "25:00 is no time of day: the last one is 23:59; 24:00 can only end a window."),
        ("09:00-24:30", "24:30 is no time of day: the last one is 23:59; 24:00 can only end a window."),
        ("24:00-06:00", "A window cannot begin at 24:00: write 00:00, the beginning of the next day."),
        ("09:60-17:00", "09:60 is no time of day: minutes go from 00 to 59."),
        ("Mondays 09:00-17:00", "“Mondays” is no day: write Mon."),
        ("Mon-Frei 09:00-17:00", "“Frei” is no day: use Mon, Tue, Wed, Thu, Fri, Sat, Sun."),
        ("Mon- 09:00-17:00", "A day is missing in “Mon-”: use Mon, Tue, Wed, Thu, Fri, Sat, Sun."),
        ("Mon,,Tue 09:00-17:00", "A day is missing in “Mon,,Tue”: use Mon, Tue, Wed, Thu, Fri, Sat, Sun."),
        ("Mon-Tue-Fri 09:00-17:00", "“Mon-Tue-Fri” is no range of days: write two of them, such as Mon-Fri."),
        (
            "Mon Tue 09:00-17:00",
            "Write the days without spaces, separated by commas or a dash: not “Mon Tue”.",
        ),
        ("Europe/London 09:00-17:00", "Write the time zone last: 09:00-17:00 “Europe/London”."),
        (
            "09:00-17:00 Europe/Berln",
            "Unknown time zone Europe/Berln. Did you mean Europe/Berlin?",
        ),
        ("09:00-17:00 New York", "Unknown time zone New York. Did you mean America/New_York?"),
        (
            "09:00-17:00 localtime",
            "Unknown time zone localtime. Use an IANA name, such as Europe/London or UTC.",
        ),
        (
            "09:00-17:00 +01:00",
            "Unknown time zone +01:00. Use an IANA name, such as Europe/London or UTC.",
        ),
        ("Mon," * 30 + "Mon 09:00-17:00", "A window is at most 100 characters long."),
    ],
)
def test_what_is_wrong_with_a_window_is_said(text: Any, why: str) -> None:
    assert time_windows.problem(text) == why
    assert time_windows.window(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "mon-fri 09:00-17:00 europe/BERLIN",
        "Mon – Fri 09:00 – 17:00 Europe/Berlin",
        "  Mon-Fri   09:00—17:00   Europe/Berlin ",
        "Mon, Tue, Wed - Fri 09:00-17:00 Europe/Berlin",
    ],
)
def test_the_same_window_in_other_spellings(text: str) -> None:
    assert time_windows.problem(text) == ""
    assert time_windows.window(text) == time_windows.window("Mon-Fri 09:00-17:00 Europe/Berlin")


# In 2026 the clocks of Berlin go forward on 29 March (02:00 is 03:00) and back on 25 October (03:00 is 02:00).
@pytest.mark.parametrize(
    ("at", "window", "inside"),
    [
        # The night that has no hour from 02:00 to 03:00: the window ends at 06:00 by the clock all the same.
        ("2026-03-28T21:00:00Z", "Sat 22:00-06:00 Europe/Berlin", True),
        ("2026-03-29T03:59:59Z", "Sat 22:00-06:00 Europe/Berlin", True),
        ("2026-03-29T04:00:00Z", "Sat 22:00-06:00 Europe/Berlin", False),
        ("2026-03-29T00:59:59Z", "Sun 02:30-04:00 Europe/Berlin", False),
        ("2026-03-29T01:00:00Z", "Sun 02:30-04:00 Europe/Berlin", True),
        # The night that has the hour from 02:00 to 03:00 twice: both belong to it.
        ("2026-10-25T00:30:00Z", "Sun 02:00-03:00 Europe/Berlin", True),
        ("2026-10-25T01:30:00Z", "Sun 02:00-03:00 Europe/Berlin", True),
        ("2026-10-25T02:00:00Z", "Sun 02:00-03:00 Europe/Berlin", False),
        ("2026-10-25T04:59:59Z", "Sat 22:00-06:00 Europe/Berlin", True),
        ("2026-10-25T05:00:00Z", "Sat 22:00-06:00 Europe/Berlin", False),
    ],
)
def test_a_window_goes_by_the_clock_when_the_clocks_change(at: str, window: str, inside: bool) -> None:
    assert holds("within", at, window) is inside
    assert holds("outside", at, window) is not inside


def test_the_form_offers_it_and_the_draft_says_it() -> None:
    assert ("within", "is within") in ConditionForm({}, []).operators
    said = in_words({"rows": [["trigger.event.occurred_at", "within", "Mon-Fri 09:00-17:00"]]}, names={})
    assert said == ["Event occurred at is within Mon-Fri 09:00-17:00"]
