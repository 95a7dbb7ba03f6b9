"""Overrides of which PagerDuty accepts a part, or does not say what it has made."""

from typing import Any

import pytest

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.actions.overrides.conftest import (
    HANA,
    SHIFTS,
    Create,
    on_call,
    rotate,
    rows,
    writes,
)
from tests.support.sandbox_actions import fault, later, output

pytestmark = pytest.mark.django_db
OVERRIDES, CUSTOM_SHIFTS = "/overrides$", "/custom_shifts$"


@pytest.mark.parametrize("kind", ["status", "status_after"])
@pytest.mark.parametrize("body", [{"overrides": [], "custom_shifts": []}, {"overrides": [{"id": "PX"}] * 2}])
def test_an_answer_with_another_number_of_overrides_is_no_success(
    create: Create, sandbox: Sandbox, kind: str, body: dict[str, Any]
) -> None:
    fault(sandbox, kind, OVERRIDES, status=201, body=body)
    call = create(SHIFTS)
    assert (call.status, call.unsure) == ("waiting", True)

    made = output(later(call))

    assert (made["changed"], made["reason"], len(made["overrides"])) == (True, None, 1)
    assert writes(sandbox, SHIFTS) == (2 if kind == "status" else 1)
    assert on_call(sandbox, SHIFTS) == [HANA]


@pytest.mark.parametrize(("status", "ends"), [(400, "failed"), (403, "failed"), (429, "waiting")])
def test_a_refusal_of_the_second_request_leaves_the_write_unsure(
    create: Create, sandbox: Sandbox, status: int, ends: str
) -> None:
    rotate(sandbox, (-1, 1, ["PUSER00"]))
    fault(sandbox, "status", CUSTOM_SHIFTS, status=status)

    call = create(SHIFTS, duration_minutes=120)

    assert (call.status, call.unsure) == (ends, True)
    assert len(rows(sandbox, SHIFTS)) == 1


@pytest.mark.parametrize("kind", ["refuse_token", "rate_limit"])
def test_after_the_first_request_nothing_is_begun_anew_at_once(
    create: Create, sandbox: Sandbox, kind: str
) -> None:
    rotate(sandbox, (-1, 1, ["PUSER00"]))
    fault(sandbox, kind, CUSTOM_SHIFTS)
    call = create(SHIFTS, duration_minutes=120)
    assert (call.status, call.unsure, writes(sandbox, SHIFTS)) == ("waiting", True, 2)

    made = output(later(call))

    assert [row["id"] for row in made["overrides"]] == [row["id"] for row in rows(sandbox, SHIFTS)]
    assert (writes(sandbox, SHIFTS), len(rows(sandbox, SHIFTS))) == (3, 2)
    assert [on_call(sandbox, SHIFTS, minutes) for minutes in (1, 90)] == [[HANA], [HANA]]
