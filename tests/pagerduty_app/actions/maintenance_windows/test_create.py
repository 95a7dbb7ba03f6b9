"""One call creates one maintenance window, also when responses are lost, clocks differ and equal ones are there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from jsonschema import Draft7Validator

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.actions import ACTIONS
from pagerduty_app.actions.maintenance_windows import recovery
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world import maintenance_windows as world
from tests.factories import people
from tests.support.browser import signed_in
from tests.support.consent import consented
from tests.support.present import present
from tests.support.sandbox_actions import ACCOUNT, DANA, ELI, act, asked, fault, later, output
from workflows.models import ActionCall

__all__ = ["act"]
pytestmark = pytest.mark.django_db
KEY, PATH = "create-maintenance-window", "/maintenance_windows"
HOUR: dict[str, Any] = {
    "from": DANA,
    "service_ids": ["PSVC00", "PSVC01"],
    "duration_minutes": 60,
    "description": "Upgrade",
}
NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=["maintenance_windows"])


def windows(sandbox: Sandbox) -> list[dict[str, Any]]:
    return world.listed(sandbox.store, ACCOUNT, "all")


def writes(sandbox: Sandbox) -> int:
    return len(asked(sandbox, "POST", PATH))


def in_hours(hours: float) -> str:
    return (timezone.now() + timedelta(hours=hours)).isoformat()


def insert(sandbox: Sandbox, email: str = DANA, **changes: Any) -> str:
    """Create a window of the two services in PagerDuty itself. Return its id."""
    user = next(row for row in sandbox.store.all("user", ACCOUNT) if row["email"] == email)
    wanted: dict[str, Any] = {
        "start_time": in_hours(0),
        "end_time": in_hours(1),
        "description": HOUR["description"],
        "services": [{"id": some_id} for some_id in HOUR["service_ids"]],
    }
    made = world.create(sandbox.store, sandbox.base_url, ACCOUNT, user, wanted | changes)
    return str(made["id"])


LENGTHS: dict[str, Any] = {
    "minutes": dict,
    "until": lambda: {"duration_minutes": None, "end": in_hours(2)},
    "later": lambda: {"start": in_hours(1)},
    "between": lambda: {"duration_minutes": None, "start": in_hours(1), "end": in_hours(2)},
    "begun": lambda: {"start": in_hours(-0.5)},
}


@pytest.fixture(params=LENGTHS)
def given(request: Any) -> dict[str, Any]:
    data = HOUR | LENGTHS[request.param]()
    return {name: value for name, value in data.items() if value is not None}


# --- once ----------------------------------------------------------------------------------------------
def test_a_window_has_what_was_given(act: Any, sandbox: Sandbox, given: Any) -> None:
    made = output(act(KEY, given))["maintenance_window"]

    (window,) = windows(sandbox)
    assert made["id"] == window["id"]
    assert [row["id"] for row in window["services"]] == given["service_ids"]
    assert (window["description"], window["created_by"]["id"]) == ("Upgrade", "PUSER00")
    start, end = (datetime.fromisoformat(window[name]) for name in ("start_time", "end_time"))
    wanted = datetime.fromisoformat(given.get("start", in_hours(0)))
    assert abs(start - max(wanted, timezone.now())) < timedelta(seconds=30)
    ends = datetime.fromisoformat(given["end"]) if "end" in given else wanted + timedelta(hours=1)
    assert abs(end - ends) < timedelta(seconds=30)


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


def test_a_lost_window_that_a_person_has_ended_meanwhile_is_found_too(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", PATH)
    call = act(KEY, HOUR | {"duration_minutes": 1})
    (window,) = windows(sandbox)
    sandbox.store.put(world.KIND, window["id"], window | {"end_time": in_hours(0)}, ACCOUNT)

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


# --- clocks --------------------------------------------------------------------------------------------
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("data", "start", "end", "is_ours"),
    [
        # A start in the past became PagerDuty's present time, by a clock that may differ by two minutes.
        ({"duration_minutes": 60}, 2 * MINUTE, 60 * MINUTE, True),
        ({"duration_minutes": 60}, timedelta(0), 60 * MINUTE, True),
        ({"duration_minutes": 60}, timedelta(0), 50 * MINUTE, False),
        ({"duration_minutes": 60}, 20 * MINUTE, 80 * MINUTE, False),
        ({"duration_minutes": 60}, -30 * MINUTE, 60 * MINUTE, False),
        # Sent again five minutes later.
        ({"duration_minutes": 60}, 5 * MINUTE, 65 * MINUTE, True),
        ({"end": NOW + 60 * MINUTE}, -2 * MINUTE, 60 * MINUTE, True),
        ({"end": NOW + 60 * MINUTE}, -4 * MINUTE, 60 * MINUTE, False),
        ({"start": NOW + 30 * MINUTE, "duration_minutes": 30}, 30 * MINUTE, 60 * MINUTE, True),
        ({"start": NOW + 30 * MINUTE, "duration_minutes": 30}, 20 * MINUTE, 60 * MINUTE, False),
        ({"start": NOW - 30 * MINUTE, "duration_minutes": 90}, -2 * MINUTE, 60 * MINUTE, True),
        ({"start": NOW - 30 * MINUTE, "duration_minutes": 90}, -10 * MINUTE, 60 * MINUTE, False),
    ],
)
def test_the_times_of_a_window_are_compared_with_what_an_attempt_can_have_sent(
    time_machine: Any, data: dict[str, Any], start: timedelta, end: timedelta, is_ours: bool
) -> None:
    time_machine.move_to(NOW + 5 * MINUTE, tick=False)
    window = {"start_time": (NOW + start).isoformat(), "end_time": (NOW + end).isoformat()}
    first_sent = type("Sent", (), {"first_sent_at": NOW})()

    assert recovery._is_then(window, data, first_sent) is is_ours
    assert not recovery._is_then(window | {"end_time": None}, data, first_sent)


def test_windows_that_cannot_all_be_read_are_no_reason_to_send_again(
    act: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(sandbox, "drop_before", PATH)
    call = act(KEY, HOUR)
    monkeypatch.setattr("pagerduty_app.client.paging.FURTHEST", 0)

    again = later(call)

    assert (again.status, writes(sandbox)) == ("waiting", 1)
    assert "could not all be read" in present(again.error)["message"]


# --- refused -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": None}, "from"),
        ({"from": "dana"}, "from"),
        ({"service_ids": []}, "service_ids"),
        ({"service_ids": ["a b"]}, "service_ids"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 525_601}, "duration_minutes"),
        ({"duration_minutes": None}, "duration_minutes"),
        ({"end": "2031-01-01T00:00:00Z"}, "end"),
        ({"duration_minutes": None, "end": "soon"}, "end"),
        ({"duration_minutes": None, "start": "2031-01-02T00:00Z", "end": "2031-01-01T00:00Z"}, "end"),
        ({"start": "1999-01-01T00:00:00Z"}, "start"),
    ],
)
def test_an_input_at_fault_is_named(act: Any, sandbox: Sandbox, change: dict[str, Any], field: str) -> None:
    data = {name: value for name, value in (HOUR | change).items() if value is not None}
    before = len(sandbox.requests)

    with pytest.raises(Problem) as refused:
        act(KEY, data)

    assert (refused.value.code, list(refused.value.fields or {})) == ("invalid_input", [field])
    assert len(sandbox.requests) == before


@pytest.mark.parametrize("change", [{"start": "2026-01-01T00:00:00Z"}, {"end": "2026-01-01T00:00:00Z"}])
def test_a_window_that_is_over_is_refused_in_words(
    act: Any, sandbox: Sandbox, change: dict[str, str]
) -> None:
    data = HOUR | change
    if "end" in change:
        del data["duration_minutes"]

    call = act(KEY, data)

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")
    assert call.error["message"] == "The maintenance window must end in the future."
    assert writes(sandbox) == 0


def test_from_is_checked_before_anything_is_sent(act: Any, sandbox: Sandbox) -> None:
    call = act(KEY, HOUR | {"from": "nobody@acme.example"})

    assert (call.status, call.error["code"], writes(sandbox)) == ("failed", "from_not_a_user", 0)


def test_what_pagerduty_says_reaches_the_person(act: Any) -> None:
    call = act(KEY, HOUR | {"service_ids": ["PSVC00", "PSVC10"]})

    assert (call.status, call.error["code"]) == ("failed", "invalid_at_provider")
    assert call.error["detail"]["reasons"] == ["Service not found."]


# --- permission ----------------------------------------------------------------------------------------
def test_without_the_permission_the_page_says_what_to_ask_for(db: None, sandbox: Sandbox) -> None:
    who = people()
    connection = consented(who.alice, who.acme, sandbox)
    alice: Client = signed_in(who.alice)
    reconnects = '<input type="hidden" name="also" value="maintenance_windows">'

    for where in (
        reverse("actions:list", args=[connection.pk]),
        reverse("actions:try", args=[connection.pk, "pagerduty", KEY]),
    ):
        page = alice.get(where, follow=True).content.decode()
        assert "Missing: services.write (Create and change services and their maintenance windows)." in page
        assert reconnects in page

    assert ActionCall.objects.count() == writes(sandbox) == 0


def test_the_sample_and_the_output_fit_their_schemas(act: Any) -> None:
    action = ACTIONS[f"pagerduty/{KEY}"]

    made = output(act(KEY, action.sample_input | {"service_ids": ["PSVC00"]}))

    Draft7Validator(action.output_schema).validate(made)
    assert action.scope == "services.read services.write users.read"
