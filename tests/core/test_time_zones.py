"""Time zones are those of the IANA, in any case; a wrong name gets the nearest one."""

import pytest

from core import time_zones


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Europe/London", "Europe/London"),
        ("europe/london", "Europe/London"),
        ("AMERICA/new_york", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_a_zone_is_found_in_any_case(typed: str, name: str) -> None:
    found = time_zones.find(typed)

    assert found is not None
    assert found.key == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "localtime",
        "LocalTime",
        "posixrules",
        "Factory",
        "posix/Europe/Berlin",
        "right/UTC",
        "Europe",
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/passwd",
        "tzdata.zi",
        "+01:00",
        "Europe/London\x00",
        "x" * 10_000,
    ],
)
def test_what_is_no_zone_of_the_iana_is_none(typed: str) -> None:
    assert time_zones.find(typed) is None


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("rome", "Europe/Rome"),
        ("new york", "America/New_York"),
        ("America/NewYork", "America/New_York"),
        ("Europe/Kyv", "Europe/Kyiv"),
        ("calcuta", "Asia/Calcutta"),
        ("CEST", ""),
        # Etc/GMT+2 is two hours behind UTC, where GMT+2 means two ahead.
        ("GMT+2", ""),
        ("gmt-5", ""),
        ("UTC+2", ""),
        ("Etc/GMT+20", ""),
        ("Pacific Time", ""),
        ("China", ""),
        ("Mars/Olympus", ""),
        ("x" * 10_000, ""),
    ],
)
def test_the_nearest_name_is_suggested(typed: str, near: str) -> None:
    assert time_zones.suggestion(typed) == near
