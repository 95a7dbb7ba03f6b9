"""A schedule that is upgraded before, during or after the write of an override: written once."""

from typing import Any

import pytest

from pagerduty_app.client.schedules import Schedules
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules.upgrade import upgrade
from tests.pagerduty_app.actions.overrides.conftest import HANA, LAYERS, Create, on_call, rows, writes
from tests.support.sandbox_actions import fault, later, output

pytestmark = pytest.mark.django_db


def upgraded(sandbox: Sandbox) -> None:
    upgrade(sandbox.store, sandbox.store.get("schedule", LAYERS) or {}, None)


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
    fault(sandbox, kind, "/overrides$")
    call = create(LAYERS)
    assert call.status == "waiting"
    upgraded(sandbox)
    turned_into = len(rows(sandbox, LAYERS))

    made = output(later(call))

    assert made["changed"] is True
    assert on_call(sandbox, LAYERS) == [HANA]
    assert writes(sandbox, LAYERS) == (1 if kind == "lose_answer" else 2)
    assert len(rows(sandbox, LAYERS)) == (turned_into or 1)
