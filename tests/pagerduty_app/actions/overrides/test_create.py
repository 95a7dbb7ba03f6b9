"""create-override in schedules of both kinds: who is on call then, what is written, what is refused in words."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Grant
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.actions.overrides.conftest import (
    BOTH,
    GUS,
    HANA,
    LAYERS,
    SHIFTS,
    Create,
    on_call,
    rotate,
    rows,
    writes,
)
from tests.support.contract import Contract
from tests.support.present import present
from tests.support.sandbox_actions import fault, output

pytestmark = pytest.mark.django_db


@BOTH
def test_the_user_alone_is_on_call_until_the_end(
    create: Create, act: Any, sandbox: Sandbox, schedule: str
) -> None:
    before = [on_call(sandbox, schedule, minutes) for minutes in (1, 90)]

    made = output(create(schedule))

    now_on_call = output(act("get-on-call", {"schedule_id": schedule}))
    assert [user["email"] for user in now_on_call["users"]] == ["hana@acme.example"]
    assert now_on_call["until"] == made["end"]
    assert [on_call(sandbox, schedule, minutes) for minutes in (1, 90)] == [[HANA], before[1]]
    assert (made["changed"], made["reason"]) == (True, None)
    assert (made["schedule"]["id"], made["user"]["email"]) == (schedule, "hana@acme.example")
    start, end = (datetime.fromisoformat(made[name]) for name in ("start", "end"))
    assert end - start == timedelta(hours=1)
    assert abs(timezone.now() - start) < timedelta(seconds=10)
    (only,) = made["overrides"]
    assert only["id"] == rows(sandbox, schedule)[0]["id"]


@BOTH
def test_requests_fit_the_schema(
    create: Create,
    sent: list[str],
    sandbox: Sandbox,
    ahead: Any,
    schedule: str,
    contract: Contract | None,
) -> None:
    output(create(schedule, **ahead))

    assert len([line for line in sent if line.startswith("POST")]) == 1
    for row in [row for row in sandbox.requests if "schedules" in row["path"] and contract]:
        assert contract is not None
        contract.check_request(row["method"], row["path"], row["pairs"], row["headers"], row["body"])


@BOTH
def test_an_override_covers_an_earlier_one(
    create: Create, sandbox: Sandbox, ahead: Any, schedule: str
) -> None:
    output(create(schedule, user_id=GUS, **ahead))
    output(create(schedule, **ahead))
    again = output(create(schedule, user_id=GUS, **ahead))

    assert on_call(sandbox, schedule, 25 * 60) == [GUS]
    assert again["changed"] is True


@BOTH
def test_nothing_is_written_for_a_user_who_is_on_call_alone(
    create: Create, sandbox: Sandbox, ahead: Any, schedule: str
) -> None:
    first = output(create(schedule, **ahead))
    second = output(create(schedule, **ahead))

    assert (second["changed"], second["reason"], second["overrides"]) == (False, "already_on_call", [])
    assert (second["start"], second["end"]) == (first["start"], first["end"])
    assert writes(sandbox, schedule) == 1


def test_everyone_in_shifts_is_replaced_and_a_gap_is_covered(create: Create, sandbox: Sandbox) -> None:
    rotate(sandbox, (-1, 1, ["PUSER00", "PUSER01"]), (0.5, 1.5, [HANA]), (-2, 3, [None]))

    made = output(create(SHIFTS, duration_minutes=180))

    assert [on_call(sandbox, SHIFTS, minutes) for minutes in (1, 45, 75, 120, 170)] == [[HANA]] * 5
    assert [row["type"] for row in made["overrides"]] == ["override_shift", "override_shift", "custom_shift"]
    assert on_call(sandbox, SHIFTS, 181) == []


def test_a_refusal_by_pagerduty_reaches_the_person(create: Create, sandbox: Sandbox) -> None:
    refused = [{"status": 400, "errors": ["Override must be in the future"], "override": {}}]
    fault(sandbox, "status", "/overrides$", status=201, body=refused)

    call = create(LAYERS)

    assert call.status == "failed"
    assert (call.error["code"], call.error["retryable"]) == ("invalid_at_provider", False)  # type: ignore[index]
    assert call.error["detail"]["reasons"] == ["Override must be in the future"]  # type: ignore[index]
    assert rows(sandbox, LAYERS) == []


@BOTH
def test_a_user_of_no_one_is_refused_before_anything_is_sent(
    create: Create, sandbox: Sandbox, schedule: str
) -> None:
    call = create(schedule, user_id="PNOBODY")

    assert (call.status, call.error["code"]) == ("failed", "not_found_at_provider")  # type: ignore[index]
    assert list(call.error["detail"]["fields"]) == ["user_id"]  # type: ignore[index]
    assert writes(sandbox, schedule) == 0


def test_from_has_to_be_a_user_of_the_account(create: Create, sandbox: Sandbox) -> None:
    call = create(LAYERS, **{"from": "nobody@acme.example"})

    assert (call.status, call.error["code"]) == ("failed", "from_not_a_user")  # type: ignore[index]
    assert writes(sandbox, LAYERS) == 0


@pytest.mark.parametrize("field", ["end", "duration_minutes"])
def test_a_time_that_is_over_is_refused_in_words(create: Create, sandbox: Sandbox, field: str) -> None:
    past = (timezone.now() - timedelta(minutes=5)).isoformat()
    start = (timezone.now() - timedelta(minutes=15)).isoformat()

    call = create(LAYERS, start=start, **{field: past if field == "end" else 10})

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")  # type: ignore[index]
    assert call.error["message"] == "The override is not created: its time is over."  # type: ignore[index]
    assert list(call.error["detail"]["fields"]) == [field]  # type: ignore[index]
    assert writes(sandbox, LAYERS) == 0


@BOTH
def test_a_start_that_has_passed_leaves_who_was_on_call(
    create: Create, sandbox: Sandbox, schedule: str
) -> None:
    start = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
    before = on_call(sandbox, schedule, -10)

    made = output(create(schedule, start=start.isoformat(), duration_minutes=60))

    assert abs(datetime.fromisoformat(made["start"]) - timezone.now()) < timedelta(seconds=10)
    assert datetime.fromisoformat(made["end"]) == start + timedelta(hours=1)
    assert [on_call(sandbox, schedule, minutes) for minutes in (-10, 1)] == [before, [HANA]]


def test_one_of_too_many_pieces_is_refused_in_words(
    create: Create, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pagerduty_app.actions.overrides.write._MOST_PIECES", 2)
    rotate(sandbox, (-1, 1, ["PUSER00", "PUSER01"]))

    call = create(SHIFTS, duration_minutes=120)

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")  # type: ignore[index]
    assert "takes 3 overrides" in call.error["message"]  # type: ignore[index]
    assert list(call.error["detail"]["fields"]) == ["duration_minutes"]  # type: ignore[index]
    assert writes(sandbox, SHIFTS) == 0


BAD: list[tuple[dict[str, Any], str]] = [
    ({"duration_minutes": 60, "end": "2100-01-01T00:00:00Z"}, "duration_minutes"),
    ({"start": "2030-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z"}, "end"),
    ({"start": "2030-01-01T00:00:00Z", "end": "2030-06-01T00:00:00Z"}, "end"),
    ({"duration_minutes": 0}, "duration_minutes"),
    ({"duration_minutes": 92 * 1440 + 1}, "duration_minutes"),
    ({"user_id": "dana@acme.example"}, "user_id"),
    ({"from": ""}, "from"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
def test_an_input_at_fault_is_named(
    create: Create, sandbox: Sandbox, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Problem) as refused:
        create(LAYERS, **change)

    assert field in (refused.value.fields or {})
    assert writes(sandbox, LAYERS) == 0


def test_without_an_end_or_a_duration_the_input_is_refused(act: Any) -> None:
    with pytest.raises(Problem) as refused:
        act("create-override", {"from": "dana@acme.example", "schedule_id": LAYERS, "user_id": HANA})

    assert list(refused.value.fields or {}) == ["end"]


def test_without_the_permission_it_says_which_one_is_missing(create: Create, sandbox: Sandbox) -> None:
    Grant.objects.update(scopes_granted=["schedules.read", "users.read"])

    error = present(create(LAYERS).error)

    assert (error["code"], error["detail"]) == ("missing_scope", {"scope": "schedules.write"})
    assert writes(sandbox, LAYERS) == 0
