"""Overrides whose response was lost are looked up in the schedule and never doubled, also across an upgrade."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from pagerduty_app.client.schedules import Schedules
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules import definitions
from pagerduty_app.sandbox.world.schedules.upgrade import upgrade
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


def upgraded(sandbox: Sandbox) -> None:
    upgrade(sandbox.store, sandbox.store.get("schedule", LAYERS) or {}, None)


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


def test_one_of_another_end_is_another_one(create: Create, sandbox: Sandbox, ahead: Any) -> None:
    fault(sandbox, "drop_before", WRITE)
    call = create(LAYERS, **ahead)
    end = datetime.fromisoformat(ahead["end"]) + timedelta(hours=1)
    hana = reference_to(sandbox.store.get("user", HANA) or {})
    farther = definitions.layer_override(hana, ahead["end"], end.isoformat())
    sandbox.store.put("overrides", LAYERS, {"rows": [farther]})

    output(later(call))

    assert (writes(sandbox, LAYERS), len(rows(sandbox, LAYERS))) == (2, 2)


# --- upgraded meanwhile --------------------------------------------------------------------------------
def test_a_schedule_that_is_upgraded_before_is_written_as_it_is_now(
    create: Create, act: Any, sandbox: Sandbox
) -> None:
    output(act("get-on-call", {"schedule_id": LAYERS}))
    upgraded(sandbox)

    output(create(LAYERS))

    assert on_call(sandbox, LAYERS) == [HANA]
    assert writes(sandbox, LAYERS) == 1


@pytest.mark.parametrize("status", [400, 404])
def test_one_that_is_upgraded_between_read_and_write_is_written_to_the_other_operation(
    create: Create, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    original = Schedules.create_override

    def upgraded_first(self: Any, schedule_id: str, override: Any) -> Any:
        upgraded(sandbox)
        if status == 404:
            fault(sandbox, "status", f"^/schedules/{LAYERS}/overrides$", status=404)
        return original(self, schedule_id, override)

    monkeypatch.setattr(Schedules, "create_override", upgraded_first)

    made = output(create(LAYERS))

    assert made["overrides"][0]["type"] == "override_shift"
    assert on_call(sandbox, LAYERS) == [HANA]
    assert (writes(sandbox, LAYERS), len(rows(sandbox, LAYERS))) == (2, 1)


@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_one_whose_answer_was_lost_before_the_upgrade_is_not_doubled(
    create: Create, sandbox: Sandbox, kind: str
) -> None:
    fault(sandbox, kind, WRITE)
    call = create(LAYERS)
    assert call.status == "waiting"
    upgraded(sandbox)
    turned_into = len(rows(sandbox, LAYERS))

    made = output(later(call))

    assert made["changed"] is True
    assert on_call(sandbox, LAYERS) == [HANA]
    assert writes(sandbox, LAYERS) == (1 if kind == "lose_answer" else 2)
    assert len(rows(sandbox, LAYERS)) == (turned_into or 1)


def test_a_refusal_that_is_not_about_the_kind_is_the_one_told(create: Create, sandbox: Sandbox) -> None:
    body = {"error": {"message": "Invalid Input Provided", "code": 2001, "errors": ["Too many overrides"]}}
    fault(sandbox, "status", WRITE, status=400, body=body)

    call = create(LAYERS)

    assert (call.status, call.error["detail"]["reasons"]) == ("failed", ["Too many overrides"])  # type: ignore[index]
    assert writes(sandbox, LAYERS) == 1
    assert ActionCall.objects.count() == 1
