"""Shift-based schedules of the sandbox: rules, overrides, custom shifts, empty members, and the upgrade in place."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.pagerduty_app.sandbox.conftest import Ask

SHIFTS, LAYERS = "PSHIFT0", "PSCHED02"
BERLIN = "Europe/Berlin"
WEEK = {"since": "2026-10-24T00:00:00Z", "until": "2026-10-27T00:00:00Z"}
Row = tuple[str, str, str]


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox, http: requests.Session) -> Any:
    def post(some_id: str, path: str, body: dict[str, Any], method: str = "POST") -> requests.Response:
        return http.request(method, f"{server.url}/_sandbox/schedules/{some_id}{path}", json=body, timeout=5)

    return post


def final(ask: Ask, some_id: str = SHIFTS, **query: str) -> dict[str, Any]:
    params = {**WEEK, "include[]": "final_schedule", "time_zone": "Etc/UTC", **query}
    answer = ask("GET", f"/v3/schedules/{some_id}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["schedule"]["final_schedule"]
    return found


def rows(ask: Ask, some_id: str = SHIFTS, **query: str) -> list[Row]:
    return [
        (row["start_time"][5:16], row["end_time"][5:16], row["member"].get("user_id", "-")[-1])
        for row in final(ask, some_id, **query)["computed_shift_assignments"]
    ]


def event(users: list[str | None], *recurrence: str, **more: Any) -> dict[str, Any]:
    start = datetime(2026, 10, 23, 7, tzinfo=UTC)  # nine o'clock in Berlin
    return {
        "start": str(start),
        "end": str(start + timedelta(hours=8)),
        "time_zone": BERLIN,
        "recurrence": ["RRULE:FREQ=DAILY", *recurrence],
        "users": users,
        **more,
    }


def test_each_list_has_its_own_kind(ask: Ask) -> None:
    layers = ask("GET", "/schedules").json()["schedules"]
    shifts = ask("GET", "/v3/schedules", params={"limit": "1000"}).json()

    assert SHIFTS not in {row["id"] for row in layers}
    assert [(row["id"], row["type"]) for row in shifts["schedules"]] == [(SHIFTS, "schedule_v3_reference")]
    assert "total" not in shifts
    assert ask("GET", "/v3/schedules", params={"limit": "1001"}).status_code == 400


def test_each_kind_refuses_the_other(ask: Ask) -> None:
    assert ask("GET", f"/schedules/{SHIFTS}").status_code == 400
    assert ask("GET", f"/schedules/{SHIFTS}/users", params=WEEK).status_code == 400
    assert ask("GET", f"/v3/schedules/{LAYERS}").status_code == 400
    for path in ("/schedules/PNONE", "/v3/schedules/PNONE", "/v3/schedules/PSHIFT1", "/schedules/PSHIFT1"):
        assert ask("GET", path).status_code == 404


def test_a_rule_follows_the_clocks_of_its_time_zone(ask: Ask, tell: Any) -> None:
    tell(SHIFTS, "", {"rotations": [[event(["PUSER00", "PUSER01"])]]})

    assert rows(ask) == [
        ("10-24T07:00", "10-24T15:00", "1"),
        ("10-25T08:00", "10-25T16:00", "0"),
        ("10-26T08:00", "10-26T16:00", "1"),
    ]
    assert final(ask)["rendered_coverage_percentage"] == pytest.approx(33.33)
    assert "+01:00" in final(ask, time_zone=BERLIN)["computed_shift_assignments"][-1]["start_time"]


def test_turns_dates_left_out_and_everybody_at_once(ask: Ask, tell: Any) -> None:
    in_turns = event(["PUSER00", "PUSER01", None], each=2)
    everybody = event(["PUSER02", "PUSER03"], "EXDATE:20261025T090000", "RDATE:20261025T220000", every=True)
    tell(SHIFTS, "", {"rotations": [[in_turns], [everybody]]})

    assert rows(ask) == [
        ("10-24T07:00", "10-24T15:00", "0"),
        ("10-24T07:00", "10-24T15:00", "2"),
        ("10-24T07:00", "10-24T15:00", "3"),
        ("10-25T08:00", "10-25T16:00", "1"),
        ("10-25T21:00", "10-26T05:00", "2"),
        ("10-25T21:00", "10-26T05:00", "3"),
        ("10-26T08:00", "10-26T16:00", "1"),
        ("10-26T08:00", "10-26T16:00", "2"),
        ("10-26T08:00", "10-26T16:00", "3"),
    ]
    empty = rows(ask, since="2026-10-27T00:00:00Z", until="2026-10-27T23:00:00Z")
    assert ("10-27T08:00", "10-27T16:00", "-") in empty
    assert tell(SHIFTS, "", {"rotations": [[event(["PUSER00"]) | {"recurrence": ["RRULE:FREQ=SOMETIMES"]}]]})
    assert (
        ask("GET", f"/v3/schedules/{SHIFTS}", params={**WEEK, "include[]": "final_schedule"}).status_code
        == 400
    )


def test_an_override_replaces_and_a_custom_shift_is_added(ask: Ask, tell: Any) -> None:
    tell(SHIFTS, "", {"rotations": [[event(["PUSER00"])]]})
    times = {"start": "2026-10-24T09:00:00Z", "end": "2026-10-24T10:00:00Z"}
    tell(SHIFTS, "/overrides", {"user": "PUSER04", **times})
    tell(SHIFTS, "/custom_shifts", {"user": "PUSER03", **times})
    day = {"until": "2026-10-25T00:00:00Z"}

    assert rows(ask, **day) == [
        ("10-24T07:00", "10-24T09:00", "0"),
        ("10-24T09:00", "10-24T10:00", "4"),
        ("10-24T09:00", "10-24T10:00", "3"),
        ("10-24T10:00", "10-24T15:00", "0"),
    ]
    sources = {row["source"]["type"] for row in final(ask, **day)["computed_shift_assignments"]}
    assert sources == {"schedule_rotation", "schedule_rotation_override", "custom_shift"}
    cut = {"since": "2026-10-24T08:00:00Z", "until": "2026-10-24T09:00:00Z"}
    assert rows(ask, **cut) == [("10-24T08:00", "10-24T09:00", "0")]
    assert rows(ask, **cut, overflow="true") == [("10-24T07:00", "10-24T09:00", "0")]


@pytest.mark.parametrize("history", [True, False])
def test_an_upgrade_keeps_id_and_shifts(ask: Ask, tell: Any, history: bool) -> None:
    tell(LAYERS, "", {"start": "2026-10-20T07:00:00Z", "time_zone": BERLIN})
    tell(
        LAYERS,
        "/overrides",
        {"user": "PUSER04", "start": "2026-10-26T10:00:00Z", "end": "2026-10-26T12:00:00Z"},
    )
    moments = [f"2026-10-26T{hour:02}:30:00Z" for hour in range(24)]
    before = tell(LAYERS, "/on_call", {"at": moments}).json()

    assert tell(LAYERS, "/upgrade", {"at": "2026-10-26T00:00:00Z", "history": history}).status_code == 200

    assert tell(LAYERS, "/on_call", {"at": moments}).json() == before
    assert ask("GET", f"/schedules/{LAYERS}").status_code == 400
    schedule = ask("GET", f"/v3/schedules/{LAYERS}").json()["schedule"]
    assert (schedule["id"], schedule["type"]) == (LAYERS, "schedule_v3")
    first = rows(ask, LAYERS, overflow="true")[0][0]
    assert first == ("10-23T07:00" if history else "10-26T00:00")
    assert tell(LAYERS, "/upgrade", {}).status_code == 400


def test_what_is_rendered_is_what_is_true_at_each_instant(ask: Ask, tell: Any) -> None:
    tell(SHIFTS, "", {"rotations": [[event(["PUSER00", None], each=2)], [event(["PUSER01", "PUSER02"])]]})
    for number in range(6):
        start = datetime(2026, 10, 24, tzinfo=UTC) + number * timedelta(hours=9)
        times = {"start": str(start), "end": str(start + timedelta(hours=6))}
        tell(SHIFTS, "/overrides" if number % 2 else "/custom_shifts", {"user": "PUSER04", **times})
    random, begin = Random(7), datetime(2026, 10, 24, tzinfo=UTC)
    moments = [begin + timedelta(seconds=random.randrange(3 * 86_400)) for _ in range(200)]
    true = tell(SHIFTS, "/on_call", {"at": [str(moment) for moment in moments]}).json()["on_call"]

    shown = final(ask)["computed_shift_assignments"]

    for moment, users in zip(moments, true, strict=True):
        present = {
            row["member"]["user_id"]
            for row in shown
            if row["member"]["type"] == "user_member"
            and datetime.fromisoformat(row["start_time"]) <= moment < datetime.fromisoformat(row["end_time"])
        }
        assert present == set(users), moment
