"""Odd answers about schedules and users are trouble that is retried: no crash, no one else in a user's place."""

from typing import Any

import pytest

from pagerduty_app.client import Api
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.schedules.final_shifts import shifts_of
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED
from tests.pagerduty_app.schedules.test_both_kinds import LAYERED, names
from tests.support.sandbox_actions import act, asked, connection, fault, output
from workflows.catalog import ProviderError

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
SHIFTS = "PSHIFT0"


@pytest.mark.parametrize("odd", ["x", [1], 7, None, {}, {"final_schedule": "x"}])
@pytest.mark.parametrize("action", ["list-on-call", "get-on-call", "find-on-call-gaps"])
def test_an_odd_schedule_is_retried(act: Any, sandbox: Sandbox, action: str, odd: Any) -> None:
    fault(sandbox, "status", f"^/v3/schedules/{SHIFTS}$", "GET", status=200, body={"schedule": odd})

    call = act(action, {"schedule_id": SHIFTS})

    assert (call.status, call.error["code"], call.lease_until) == ("waiting", "provider_error", None)
    assert call.error["message"] == "PagerDuty's answer does not say who is on call."


@pytest.mark.parametrize("odd", [None, 7, "", {"a": 1}])
def test_a_shift_of_nobody_in_particular_is_trouble(odd: Any) -> None:
    times = {"start": "2026-11-02T00:00:00Z", "end": "2026-11-02T08:00:00Z"}
    entry = {**times, "user": {"id": odd}}
    assignment = {f"{name}_time": at for name, at in times.items()}
    assignment["member"] = {"type": "user_member", "user_id": odd}  # type: ignore[assignment]

    for kind, final in (
        (LAYER_BASED, {"rendered_schedule_entries": [entry]}),
        (SHIFT_BASED, {"computed_shift_assignments": [assignment]}),
    ):
        with pytest.raises(ProviderError):
            shifts_of(kind, final)


@pytest.mark.parametrize("odd", [None, "x", {"id": None, "name": None}, {"id": "PUSER99", "name": "Mallory"}])
def test_an_odd_user_takes_no_ones_place_and_is_not_cached(act: Any, sandbox: Sandbox, odd: Any) -> None:
    fault(sandbox, "status", "^/users/", "GET", status=200, body={"user": odd})

    call = act("get-on-call", {"schedule_id": "PSCHED02"})
    afterwards = output(act("get-on-call", {"schedule_id": "PSCHED02"}))

    assert (call.status, call.error["code"]) == ("waiting", "provider_error")
    assert all(user["id"].startswith("PUSER0") and user["name"] for user in afterwards["users"])


def without_totals(monkeypatch: pytest.MonkeyPatch, **others: Any) -> None:
    page = Api.page
    monkeypatch.setattr(Api, "page", lambda *given: {**page(*given), "total": None, **others})


@pytest.mark.parametrize("total", [None, "3", True])
def test_pages_of_schedules_end_without_a_total(
    act: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    without_totals(monkeypatch, total=total)
    sandbox.store.put(
        "schedule_v3",
        "PSHIFT9",
        {**(sandbox.store.get("schedule_v3", SHIFTS) or {}), "id": "PSHIFT9"},
        "PACME01",
    )

    pages = [output(act("list-schedules", {"offset": at, "limit": 2})) for at in (0, 2, 4, 6, 500)]

    clock = "Shifts around the clock"
    assert [names(page) for page in pages] == [LAYERED[:2], [LAYERED[2], clock], [clock], [], []]
    assert [page["more"] for page in pages] == [True, True, False, False, False]
    assert [page["total"] for page in pages[1:]] == [5, 5, 5, 5]


def test_without_a_total_a_count_that_fails_is_no_end(
    act: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_totals(monkeypatch)
    fault(sandbox, "status", "^/schedules$", "GET", status=200, body={"schedules": [], "more": False})
    fault(sandbox, "status", "^/schedules$", "GET", status=200, body={"schedules": [], "more": True})

    call = act("list-schedules", {"offset": 50, "limit": 2})

    assert (call.status, len(asked(sandbox, "GET", "/v3/schedules"))) == ("waiting", 0)


def test_a_shift_based_schedule_without_a_name_is_listed_by_its_id(act: Any, sandbox: Sandbox) -> None:
    rows = {"schedules": [{"id": "S1", "summary": None}], "more": False}
    fault(sandbox, "status", "^/v3/schedules$", "GET", status=200, body=rows)

    assert names(output(act("list-schedules", {"all": True})))[-1] == "S1"
