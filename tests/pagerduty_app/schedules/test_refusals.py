"""What is told when PagerDuty refuses a schedule as either kind: its true reason, never only "the other kind"."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from pagerduty_app.actions import ACTIONS
from pagerduty_app.client import PagerDutyError
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED, ask_by_kind
from tests.support.sandbox_actions import act, connection, fault, output

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
SHIFTS, LAYERS = "PSHIFT0", "PSCHED02"
WRONG_KIND = PagerDutyError("Invalid Input Provided", status=400, reasons=["Read it with the v2 API."])
TOO_LONG = PagerDutyError("Arguments Caused Error", status=400, code=2002, reasons=["The range is too long."])
ODD = PagerDutyError("Invalid Request", status=400, code=2001)
GONE = PagerDutyError("Not Found", status=404, code=2100)
CLOSED = PagerDutyError("Forbidden", status=403)


class Account:
    cache_key = "an-account"


def told(shift_based: PagerDutyError, layer_based: PagerDutyError, known: str = "") -> PagerDutyError:
    def refuse(error: PagerDutyError) -> Any:
        raise error

    def answer() -> str:
        return "a schedule"

    asked = {SHIFT_BASED: lambda: refuse(shift_based), LAYER_BASED: lambda: refuse(layer_based)}
    if known:
        ask_by_kind(Account, "S", {**asked, known: answer})  # type: ignore[arg-type]
    with pytest.raises(PagerDutyError) as refused:
        ask_by_kind(Account, "S", asked)  # type: ignore[arg-type]
    return refused.value


@pytest.mark.parametrize(
    ("shift_based", "layer_based", "known", "wanted"),
    [
        (TOO_LONG, ODD, SHIFT_BASED, TOO_LONG),
        (ODD, TOO_LONG, LAYER_BASED, TOO_LONG),
        (TOO_LONG, GONE, SHIFT_BASED, TOO_LONG),
        (TOO_LONG, WRONG_KIND, LAYER_BASED, TOO_LONG),
        (TOO_LONG, WRONG_KIND, "", TOO_LONG),
        (WRONG_KIND, TOO_LONG, "", TOO_LONG),
        (WRONG_KIND, GONE, "", GONE),
        (GONE, GONE, "", GONE),
        (CLOSED, GONE, "", CLOSED),
        (CLOSED, TOO_LONG, "", CLOSED),
    ],
)
def test_the_true_refusal_is_told(
    shift_based: PagerDutyError, layer_based: PagerDutyError, known: str, wanted: PagerDutyError
) -> None:
    assert told(shift_based, layer_based, known) is wanted


def test_where_either_may_be_the_true_one_both_are_told() -> None:
    error = told(ODD, TOO_LONG)

    assert (error.status, error.code) == (400, "2002")
    assert error.reasons == [
        "Requested as a shift-based schedule: Invalid Request",
        "Requested as a layer-based schedule: Arguments Caused Error",
        "Requested as a layer-based schedule: The range is too long.",
    ]
    assert told(TOO_LONG, GONE).status == 404
    assert "The range is too long." in told(TOO_LONG, GONE).reasons[1]


@pytest.mark.parametrize("schedule", [SHIFTS, LAYERS])
def test_a_refused_request_leaves_the_kind_known(act: Any, sandbox: Sandbox, schedule: str) -> None:
    output(act("get-on-call", {"schedule_id": schedule}))
    before = len(list(sandbox.requests))
    path = f"/v3/schedules/{schedule}$" if schedule == SHIFTS else f"^/schedules/{schedule}$"
    body = {"error": {"message": "Arguments Caused Error", "code": 2002, "errors": ["Not at this time."]}}
    fault(sandbox, "status", path, "GET", status=400, body=body)

    call = act("get-on-call", {"schedule_id": schedule})
    output(act("get-on-call", {"schedule_id": schedule}))

    assert call.error["detail"]["reasons"] == ["Not at this time."]
    schedules = [row["path"] for row in list(sandbox.requests)[before:] if "/schedules/" in row["path"]]
    # The refused one, the other kind, and afterwards the known kind alone.
    assert len(schedules) == 3
    assert schedules[0] == schedules[2] != schedules[1]


def test_a_range_that_pagerduty_does_not_render_is_refused_here(act: Any, sandbox: Sandbox) -> None:
    now = timezone.now()
    given = {"schedule_id": SHIFTS, "since": str(now), "until": str(now + timedelta(days=92))}
    output(act("list-on-call", given))
    with pytest.raises(ValidationError) as refused:
        ACTIONS["pagerduty/list-on-call"].checked({**given, "until": str(now + timedelta(days=93))})
    assert str(refused.value.detail["until"][0]) == "Must be at most 92 days after since."  # type: ignore[call-overload,index]
