"""Times ahead against those that were told: what is known again, forgotten, and left for the next look."""

from datetime import UTC, datetime, timedelta

import pytest

from pagerduty_app.triggers.times_ahead import Time, as_rows, compare, from_state

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(start: float, end: float | None, who: str = "") -> Time:
    return Time(NOW + start * HOUR, None if end is None else NOW + end * HOUR, who)


@pytest.mark.parametrize(
    ("told", "time", "fresh", "remembered"),
    [
        ([], hours(1, 9), True, hours(1, 9)),
        ([hours(1, 9)], hours(1, 9), False, hours(1, 9)),
        ([hours(1, 9)], hours(5, 12), False, hours(5, 12)),
        ([hours(1, 9)], hours(9, 12), True, hours(9, 12)),
        ([hours(1, 9, "PUSER00")], hours(2, 3, "PUSER01"), True, hours(2, 3, "PUSER01")),
        ([hours(-9, -0.1)], hours(-0.2, 2), False, hours(-0.2, 2)),
        ([hours(1, 90)], hours(2, 80), False, hours(2, 80)),
        ([hours(1, 9)], hours(1, 99), False, hours(1, 24)),
        ([], hours(2, None), True, hours(2, 26)),
        ([], hours(-1, None), True, hours(-1, 24)),
        ([hours(-1, 24)], hours(-1, None), False, hours(-1, 24)),
    ],
)
def test_what_is_known_again_and_what_is_remembered_of_it(
    told: list[Time], time: Time, fresh: bool, remembered: Time
) -> None:
    result = compare([time], told, NOW, NOW + 10 * HOUR, begun=True)

    assert result.fresh == ([time] if fresh else [])
    assert result.told == [remembered]
    assert from_state({"told": as_rows(result.told)}) == result.told


def test_what_is_over_begun_or_further_ahead_is_not_told() -> None:
    times = [hours(11, 12), hours(-2, 0), hours(-1, 2), hours(10, 11)]

    result = compare(times, [hours(3, 4)], NOW, NOW + 10 * HOUR, begun=False)

    assert (result.told, result.fresh, result.later) == ([times[3]], [times[3]], [times[0].start])


def test_so_many_of_one_look_and_so_many_remembered() -> None:
    times = [hours(number / 100, number / 100 + 0.005) for number in range(1, 1101)]
    told: list[Time] = []
    counts = []
    for _ in range(6):
        result = compare(times, told, NOW, NOW + 24 * HOUR, begun=True)
        told = result.told
        counts.append((len(result.fresh), len(told)))

    assert counts == [(200, 200), (200, 400), (200, 600), (200, 800), (200, 1000), (0, 1000)]
