"""Schedules of the sandbox: turns, overrides on top, and what of them a request sees."""

from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.pagerduty_app.sandbox.conftest import Ask

ROTATION = "PSCHED02"
NOON = {"since": "2026-11-02T12:00:00Z", "until": "2026-11-02T13:00:00Z"}


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox, http: requests.Session) -> Any:
    def post(path: str, body: dict[str, Any], method: str = "POST") -> requests.Response:
        return http.request(method, f"{server.url}/_sandbox/schedules/{ROTATION}{path}", json=body)

    return post


def entries(ask: Ask, **query: str) -> list[tuple[str, str, str]]:
    schedule = ask("GET", f"/schedules/{ROTATION}", params=query).json()["schedule"]
    rows = schedule["final_schedule"]["rendered_schedule_entries"]
    return [(row["start"][5:16], row["end"][5:16], row["user"]["id"][-1]) for row in rows]


def test_turns_follow_each_other_and_are_cut_at_the_ends_unless_overflow(ask: Ask, tell: Any) -> None:
    tell("", {"start": "2026-11-01T08:00:00Z"})
    days = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-03T00:00:00Z"}

    assert entries(ask, **days) == [("11-01T08:00", "11-02T08:00", "0"), ("11-02T08:00", "11-03T00:00", "1")]
    assert entries(ask, **NOON) == [("11-02T12:00", "11-02T13:00", "1")]
    assert entries(ask, **NOON, overflow="true") == [("11-02T08:00", "11-03T08:00", "1")]


def test_an_override_takes_its_part_out_of_a_turn(ask: Ask, tell: Any) -> None:
    tell("", {"start": "2026-11-01T08:00:00Z", "users": ["PUSER00", "PUSER01"], "turn_seconds": 43_200})
    shift = {"user": "PUSER04", "start": "2026-11-02T12:00:00Z", "end": "2026-11-02T12:30:00Z"}
    assert tell("/overrides", shift).json() == {"overrides": 1}
    until = "2026-11-02T21:00:00Z"

    assert entries(ask, since=NOON["since"], until=until, overflow="true") == [
        ("11-02T12:00", "11-02T12:30", "4"),
        ("11-02T12:30", "11-02T20:00", "0"),
        ("11-02T20:00", "11-03T08:00", "1"),
    ]
    users = ask("GET", f"/schedules/{ROTATION}/users", params=NOON).json()["users"]
    assert [user["id"] for user in users] == ["PUSER00", "PUSER04"]

    assert tell("/overrides", {}, "DELETE").json() == {"overrides": 0}
    users = ask("GET", f"/schedules/{ROTATION}/users", params=NOON).json()["users"]
    assert [user["id"] for user in users] == ["PUSER00"]


def test_a_range_is_at_most_three_months_and_goes_forwards(ask: Ask) -> None:
    for until in ("2026-11-02T12:00:00Z", "2027-03-01T00:00:00Z", "soon"):
        assert ask("GET", f"/schedules/{ROTATION}", params={**NOON, "until": until}).status_code == 400


def test_nobody_else_s_schedule_and_no_unknown_user(ask: Ask, tell: Any) -> None:
    assert ask("GET", "/schedules/PSCHED10", params=NOON).status_code == 404
    assert tell("", {"users": ["PNOBODY"]}).status_code == 404
    assert tell("/overrides", {"user": "PUSER00", "start": "x", "end": "y"}).status_code == 400
