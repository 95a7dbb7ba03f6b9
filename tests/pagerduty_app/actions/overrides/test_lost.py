"""Overrides whose response was lost are looked up in the schedule and never doubled."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules import definitions
from pagerduty_app.sandbox.world.start import reference_to
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
from tests.support.sandbox_actions import fault, later, output
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
WRITE = "/(overrides|custom_shifts)$"


@BOTH
@pytest.mark.parametrize("kind", ["lose_answer", "status_after"])
def test_a_lost_answer_is_looked_up_and_not_sent_again(
    create: Create, sandbox: Sandbox, schedule: str, kind: str
) -> None:
    fault(sandbox, kind, WRITE, status=502)
    call = create(schedule)
    assert call.status == "waiting"

    made = output(later(call))

    assert (made["changed"], len(made["overrides"])) == (True, 1)
    assert (writes(sandbox, schedule), len(rows(sandbox, schedule))) == (1, 1)
    assert on_call(sandbox, schedule) == [HANA]


@BOTH
def test_a_request_that_never_arrived_is_sent_again_for_the_same_stretch(
    create: Create, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    fault(sandbox, "drop_before", WRITE)
    call = create(schedule)
    assert (call.status, call.settles_at is not None) == ("waiting", True)
    start = datetime.fromisoformat((call.baseline or {})["start"])
    monkeypatch.setattr(
        "pagerduty_app.actions.overrides.input.clock.now", lambda: timezone.now() + timedelta(minutes=20)
    )

    made = output(later(call))

    assert (made["start"], made["end"]) == (start.isoformat(), (start + timedelta(hours=1)).isoformat())
    assert (writes(sandbox, schedule), len(rows(sandbox, schedule))) == (2, 1)


@BOTH
def test_one_that_is_over_when_it_could_be_sent_again_is_not(
    create: Create, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    fault(sandbox, "drop_before", WRITE)
    call = create(schedule)
    monkeypatch.setattr(
        "pagerduty_app.actions.overrides.input.clock.now", lambda: timezone.now() + timedelta(hours=2)
    )

    call = later(call)

    assert (call.status, call.error["code"]) == ("failed", "invalid_input")  # type: ignore[index]
    assert rows(sandbox, schedule) == []


@BOTH
def test_a_lost_one_is_found_when_it_is_over(
    create: Create, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    fault(sandbox, "lose_answer", WRITE)
    call = create(schedule)
    monkeypatch.setattr(
        "pagerduty_app.actions.overrides.input.clock.now", lambda: timezone.now() + timedelta(hours=2)
    )

    assert output(later(call))["changed"] is True


@BOTH
def test_an_equal_one_from_before_that_another_covers_is_not_taken_for_this_one(
    create: Create, sandbox: Sandbox, ahead: Any, schedule: str
) -> None:
    output(create(schedule, **ahead))
    output(create(schedule, user_id=GUS, **ahead))
    fault(sandbox, "drop_before", WRITE)

    output(later(create(schedule, **ahead)))

    assert on_call(sandbox, schedule, 25 * 60) == [HANA]
    assert writes(sandbox, schedule) == 4


@BOTH
def test_what_another_covers_meanwhile_is_found_and_stays_covered(
    create: Create, sandbox: Sandbox, ahead: Any, schedule: str
) -> None:
    fault(sandbox, "lose_answer", WRITE)
    call = create(schedule, **ahead)
    output(create(schedule, user_id=GUS, **ahead))

    assert output(later(call))["changed"] is True

    assert on_call(sandbox, schedule, 25 * 60) == [GUS]
    assert writes(sandbox, schedule) == 2


@pytest.mark.parametrize("lost", ["/overrides$", "/custom_shifts$"])
@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_of_two_writes_only_what_is_missing_is_sent_again(
    create: Create, sandbox: Sandbox, lost: str, kind: str
) -> None:
    rotate(sandbox, (-1, 1, ["PUSER00", "PUSER01"]))
    fault(sandbox, kind, lost)

    output(later(create(SHIFTS, duration_minutes=120)))

    assert len(rows(sandbox, SHIFTS)) == 3
    assert [on_call(sandbox, SHIFTS, minutes) for minutes in (1, 90)] == [[HANA], [HANA]]


def test_a_start_that_pagerduty_moves_is_found(create: Create, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", WRITE)
    call = create(LAYERS)
    (row,) = rows(sandbox, LAYERS)
    row["start"] = (datetime.fromisoformat(row["start"]) + timedelta(seconds=90)).isoformat()
    sandbox.store.put("overrides", LAYERS, {"rows": [row]})

    output(later(call))

    assert writes(sandbox, LAYERS) == 1


@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_a_page_of_overrides_that_comes_twice_is_asked_for_again(
    create: Create, sandbox: Sandbox, ahead: Any, kind: str
) -> None:
    """The write is neither given up nor sent twice for one odd answer of its look-up."""
    fault(sandbox, kind, WRITE)
    call = create(SHIFTS, **ahead)
    times = {"start_time": ahead["start"], "end_time": ahead["end"]}
    others = [{"id": f"PX{number}", "rotation_id": "PGONE", **times} for number in range(220)]
    made = (sandbox.store.get("override_shifts", SHIFTS) or {"rows": []})["rows"]
    sandbox.store.put("override_shifts", SHIFTS, {"rows": others + made})
    fault(sandbox, "ignore_offset", f"/v3/schedules/{SHIFTS}/overrides$", method="GET", times=2)

    waiting = later(call)
    assert (waiting.status, waiting.unsure) == ("waiting", True)
    output(later(waiting))

    assert len(rows(sandbox, SHIFTS)) == 221
    assert writes(sandbox, SHIFTS) == (1 if kind == "lose_answer" else 2)


def test_one_whose_seconds_pagerduty_drops_is_found(create: Create, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", WRITE)
    call = create(LAYERS)
    (row,) = rows(sandbox, LAYERS)
    for name in ("start", "end"):
        row[name] = datetime.fromisoformat(row[name]).replace(second=0).isoformat()
    sandbox.store.put("overrides", LAYERS, {"rows": [row]})

    output(later(call))

    assert writes(sandbox, LAYERS) == 1


def test_one_of_another_end_is_another_one(create: Create, sandbox: Sandbox, ahead: Any) -> None:
    fault(sandbox, "drop_before", WRITE)
    call = create(LAYERS, **ahead)
    end = datetime.fromisoformat(ahead["end"]) + timedelta(hours=1)
    hana = reference_to(sandbox.store.get("user", HANA) or {})
    farther = definitions.layer_override(hana, ahead["end"], end.isoformat())
    sandbox.store.put("overrides", LAYERS, {"rows": [farther]})

    output(later(call))

    assert (writes(sandbox, LAYERS), len(rows(sandbox, LAYERS))) == (2, 2)


@BOTH
def test_a_lost_one_that_a_person_shortened_is_not_written_again(
    create: Create, sandbox: Sandbox, ahead: Any, schedule: str
) -> None:
    fault(sandbox, "lose_answer", WRITE)
    call = create(schedule, **ahead)
    kind, name = ("overrides", "end") if schedule == LAYERS else ("override_shifts", "end_time")
    (row,) = rows(sandbox, schedule)
    row[name] = (datetime.fromisoformat(row[name]) - timedelta(minutes=90)).isoformat()
    sandbox.store.put(kind, schedule, {"rows": [row]})

    made = output(later(call))

    assert (made["changed"], len(made["overrides"])) == (True, 1)
    assert (writes(sandbox, schedule), len(rows(sandbox, schedule))) == (1, 1)


def test_a_shorter_one_that_begins_later_is_another_one(create: Create, sandbox: Sandbox, ahead: Any) -> None:
    fault(sandbox, "drop_before", WRITE)
    call = create(LAYERS, **ahead)
    start, end = (datetime.fromisoformat(ahead[name]) for name in ("start", "end"))
    times = ((start + timedelta(minutes=30)).isoformat(), (end - timedelta(minutes=30)).isoformat())
    hana = reference_to(sandbox.store.get("user", HANA) or {})
    sandbox.store.put("overrides", LAYERS, {"rows": [definitions.layer_override(hana, *times)]})

    output(later(call))

    assert (writes(sandbox, LAYERS), len(rows(sandbox, LAYERS))) == (2, 2)


def test_a_refusal_that_is_not_about_the_kind_is_the_one_told(create: Create, sandbox: Sandbox) -> None:
    body = {"error": {"message": "Invalid Input Provided", "code": 2001, "errors": ["Too many overrides"]}}
    fault(sandbox, "status", WRITE, status=400, body=body)

    call = create(LAYERS)

    assert (call.status, call.error["detail"]["reasons"]) == ("failed", ["Too many overrides"])  # type: ignore[index]
    assert writes(sandbox, LAYERS) == 1
    assert ActionCall.objects.count() == 1
