"""Times on pages: exact on hover, in the reader's zone in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connections.templatetags.times import moment

NOW = datetime(2026, 11, 1, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "after", "seconds", "words"),
    [
        ("UTC", timedelta(seconds=65), False, "1 Nov, 10:01 UTC"),
        ("UTC", timedelta(seconds=65), True, "10:01:05 UTC"),
        ("Europe/Berlin", timedelta(seconds=65), True, "11:01:05"),
        ("Europe/Berlin", timedelta(hours=13, seconds=5), True, "2 Nov, 00:00:05"),
        ("UTC", timedelta(days=100), False, "9 Feb 2027, 10:00 UTC"),
    ],
)
def test_a_moment_names_the_day_unless_it_is_soon(
    zone: str, after: timedelta, seconds: bool, words: str, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    with timezone.override(ZoneInfo(zone)):
        shown = moment(NOW + after, seconds=seconds)

    assert f">{words}</time>" in shown
    assert f'title="{(NOW + after):%Y-%m-%d %H:%M:%S} UTC"' in shown


def test_without_a_moment_it_says_so() -> None:
    assert moment(None) == "never"
    assert moment(None, "not yet", seconds=True) == "not yet"
