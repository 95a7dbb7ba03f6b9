"""A window whose response was lost is found and never doubled, also with other clocks and equal windows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from pagerduty_app.actions.maintenance_windows import recovery
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world import maintenance_windows as world
from tests.pagerduty_app.actions.maintenance_windows.conftest import (
    HOUR,
    KEY,
    PATH,
    in_hours,
    insert,
    windows,
    writes,
)
from tests.support.present import present
from tests.support.sandbox_actions import ACCOUNT, ELI, asked, fault, later, output

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("kind", ["lose_answer", "status_after"])
def test_a_lost_answer_is_looked_up_and_not_sent_again(
    act: Any, sandbox: Sandbox, given: Any, kind: str
) -> None:
    fault(sandbox, kind, PATH, status=502)
    call = act(KEY, given)
    assert call.status == "waiting"

    made = output(later(call))["maintenance_window"]

    assert [row["id"] for row in windows(sandbox)] == [made["id"]]
    assert writes(sandbox) == 1


def test_a_request_that_never_arrived_is_sent_again_when_it_can_no_longer_come(
    act: Any, sandbox: Sandbox, given: Any
) -> None:
    fault(sandbox, "drop_before", PATH)
    call = act(KEY, given)
    assert (call.status, call.settles_at is not None) == ("waiting", True)

    output(later(call))

    assert (writes(sandbox), len(windows(sandbox))) == (2, 1)


@pytest.mark.parametrize("hours", [0, 0.5])
def test_a_lost_window_that_a_person_has_ended_or_shortened_meanwhile_is_found_too(
    act: Any, sandbox: Sandbox, given: Any, hours: float
) -> None:
    fault(sandbox, "lose_answer", PATH)
    call = act(KEY, given)
    (window,) = windows(sandbox)
    end = datetime.fromisoformat(window["start_time"]) + timedelta(hours=hours)
    sandbox.store.put(world.KIND, window["id"], window | {"end_time": end.isoformat()}, ACCOUNT)

    assert output(later(call))["maintenance_window"]["id"] == window["id"]

    assert writes(sandbox) == 1


def test_an_equal_window_that_was_there_before_is_not_taken_for_ours(
    act: Any, sandbox: Sandbox, given: Any
) -> None:
    output(act(KEY, given))
    fault(sandbox, "drop_before", PATH)

    output(later(act(KEY, given)))

    assert (writes(sandbox), len(windows(sandbox))) == (3, 2)


def test_two_equal_calls_that_both_lost_their_answers_are_two_windows(
    act: Any, sandbox: Sandbox, given: Any
) -> None:
    sandbox.faults.add([{"kind": "lose_answer", "method": "POST", "path": PATH, "times": 2}])
    first, second = (act(KEY, given) for _ in range(2))

    found = {output(later(call))["maintenance_window"]["id"] for call in (first, second)}

    assert found == {row["id"] for row in windows(sandbox)}
    assert len(found) == writes(sandbox) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"email": ELI},
        {"description": "Another upgrade"},
        {"services": [{"id": "PSVC00"}]},
        {"end_time": in_hours(3)},
        {"start_time": in_hours(0.9)},
    ],
    ids=["user", "description", "services", "end", "start"],
)
def test_another_window_is_not_taken_for_ours(act: Any, sandbox: Sandbox, changes: dict[str, Any]) -> None:
    fault(sandbox, "drop_before", PATH)
    times = {"start": in_hours(0.5), "end": in_hours(1)}
    call = act(KEY, {name: HOUR[name] for name in ("from", "service_ids", "description")} | times)
    insert(sandbox, **{"start_time": times["start"], "end_time": times["end"]} | changes)

    output(later(call))

    assert (writes(sandbox), len(windows(sandbox))) == (2, 2)


@pytest.mark.parametrize(
    ("data", "start", "end", "is_ours"),
    [
        # A start in the past became PagerDuty's present time, by a clock that may differ by two minutes.
        ({"duration_minutes": 60}, 2, 60, True),
        ({"duration_minutes": 60}, 0, 60, True),
        ({"duration_minutes": 60}, 20, 60, False),
        ({"duration_minutes": 60}, -30, 60, False),
        # Sent again five minutes later, for the same stretch.
        ({"duration_minutes": 60}, 5, 60, True),
        ({"duration_minutes": 60}, 5, 65, False),
        # A person has ended or shortened it since, not prolonged it.
        ({"duration_minutes": 60}, 0, 0, True),
        ({"duration_minutes": 60}, 0, 50, True),
        ({"duration_minutes": 60}, 0, 62, False),
        ({"duration_minutes": 60}, 2, 1, False),
        # The seconds were left out.
        ({"end": NOW + 60 * MINUTE}, -1, 59, True),
        ({"end": NOW + 60 * MINUTE}, -4, 60, False),
        ({"start": NOW + 30 * MINUTE, "duration_minutes": 30}, 30, 60, True),
        ({"start": NOW + 30 * MINUTE, "duration_minutes": 30}, 20, 60, False),
        ({"start": NOW + 30 * MINUTE, "duration_minutes": 30}, 33, 60, False),
        ({"start": NOW - 30 * MINUTE, "duration_minutes": 90}, -2, 60, True),
        ({"start": NOW - 30 * MINUTE, "duration_minutes": 90}, -10, 60, False),
    ],
)
def test_the_times_of_a_window_are_compared_with_what_an_attempt_can_have_sent(
    time_machine: Any, data: dict[str, Any], start: int, end: int, is_ours: bool
) -> None:
    time_machine.move_to(NOW + 5 * MINUTE, tick=False)
    window = {
        "start_time": (NOW + start * MINUTE).isoformat(),
        "end_time": (NOW + end * MINUTE).isoformat(),
    }
    kept = {"start": data.get("start", NOW).isoformat()}
    first_sent = type("Sent", (), {"first_sent_at": NOW, "baseline": kept})()

    assert recovery._is_then(window, data, first_sent) is is_ours
    assert not recovery._is_then(window | {"end_time": None}, data, first_sent)


@pytest.fixture
def hours_pass(monkeypatch: pytest.MonkeyPatch) -> Any:
    """hours_pass(hours): the action's clock is ahead by that."""

    def run(hours: float) -> None:
        monkeypatch.setattr(
            "pagerduty_app.actions.maintenance_windows.recovery.clock.now",
            lambda: timezone.now() + timedelta(hours=hours),
        )

    return run


def test_a_window_from_now_is_sent_again_for_the_same_stretch(
    act: Any, sandbox: Sandbox, hours_pass: Any
) -> None:
    fault(sandbox, "drop_before", PATH)
    call = act(KEY, HOUR)
    start = datetime.fromisoformat((call.baseline or {})["start"])
    hours_pass(0.4)

    output(later(call))

    first, second = [row["body"]["maintenance_window"] for row in asked(sandbox, "POST", PATH)]
    assert first == second
    assert [datetime.fromisoformat(first[name]) for name in ("start_time", "end_time")] == [
        start,
        start + timedelta(hours=1),
    ]


def test_a_window_from_now_that_was_refused_for_a_time_keeps_its_stretch(
    act: Any, sandbox: Sandbox, hours_pass: Any
) -> None:
    fault(sandbox, "rate_limit", PATH)
    call = act(KEY, HOUR)
    hours_pass(0.4)

    output(later(call))

    first, second = [row["body"]["maintenance_window"] for row in asked(sandbox, "POST", PATH)]
    assert first == second


def test_a_window_from_now_that_is_over_when_it_could_be_sent_again_is_not(
    act: Any, sandbox: Sandbox, hours_pass: Any
) -> None:
    fault(sandbox, "drop_before", PATH)
    call = act(KEY, HOUR)
    hours_pass(2)

    call = later(call)

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")  # type: ignore[index]
    assert (writes(sandbox), windows(sandbox)) == (1, [])


def test_a_lost_window_is_found_when_it_is_over(act: Any, sandbox: Sandbox, hours_pass: Any) -> None:
    fault(sandbox, "lose_answer", PATH)
    call = act(KEY, HOUR)
    hours_pass(2)

    output(later(call))

    assert writes(sandbox) == 1


@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_a_page_of_windows_that_comes_twice_is_asked_for_again(act: Any, sandbox: Sandbox, kind: str) -> None:
    """The write is neither given up nor sent twice for one odd answer of its look-up."""
    fault(sandbox, kind, PATH)
    call = act(KEY, HOUR)
    for number in range(220):
        insert(sandbox, ELI, description=f"Another {number}")
    fault(sandbox, "ignore_offset", PATH, method="GET", times=2)

    waiting = later(call)
    assert (waiting.status, waiting.unsure) == ("waiting", True)
    output(later(waiting))

    assert len(windows(sandbox)) == 221
    assert writes(sandbox) == (1 if kind == "lose_answer" else 2)


def test_a_listed_window_with_an_odd_service_is_another_one(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", PATH)
    call = act(KEY, HOUR)
    odd = {"id": "PODD", "created_by": {"id": "PUSER00"}, "services": [{"id": ["a"]}, {"id": {}}, None]}
    listed = {"maintenance_windows": [odd, *windows(sandbox)], "more": False}
    fault(sandbox, "status", PATH, method="GET", status=200, body=listed)

    output(later(call))

    assert writes(sandbox) == 1


def test_windows_that_cannot_all_be_read_are_no_reason_to_send_again(
    act: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(sandbox, "drop_before", PATH)
    call = act(KEY, HOUR)
    monkeypatch.setattr("pagerduty_app.client.paging.FURTHEST", 0)

    again = later(call)

    assert (again.status, writes(sandbox)) == ("waiting", 1)
    assert "could not all be read" in present(again.error)["message"]
