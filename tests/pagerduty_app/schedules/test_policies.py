"""Escalation policies without the optional permission: few requests, and an error that says what was searched."""

from typing import Any

import pytest

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.actions.test_on_call_levels import grant_only
from tests.support.sandbox_actions import act, asked, connection, fault, output

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
POLICY = "PPOL00"
OF_POLICY, OF_SERVICES, OF_SERVICE = f"/escalation_policies/{POLICY}", "/services", "/services/PSVC00"


@pytest.fixture(autouse=True)
def six_scopes(sandbox: Sandbox, connection: Any) -> None:
    grant_only(sandbox, "services.read", "schedules.read", "users.read")


def requests(sandbox: Sandbox) -> list[int]:
    return [len(asked(sandbox, "GET", path)) for path in (OF_POLICY, OF_SERVICES, OF_SERVICE)]


def test_the_service_is_remembered_and_what_would_be_refused_is_not_requested(
    act: Any, sandbox: Sandbox
) -> None:
    first = output(act("get-on-call", {"escalation_policy_id": POLICY}))
    assert requests(sandbox) == [1, 1, 0]
    again = output(act("get-on-call", {"escalation_policy_id": POLICY}))

    assert requests(sandbox) == [1, 1, 1]
    assert again["escalation_policy"] == first["escalation_policy"]


@pytest.mark.parametrize("gone", [True, False])
def test_a_service_that_is_gone_or_has_another_policy_is_searched_for_anew(
    act: Any, sandbox: Sandbox, gone: bool
) -> None:
    output(act("get-on-call", {"escalation_policy_id": POLICY}))
    service = {"id": "PSVC00", "escalation_policy": {"id": "POTHER", "escalation_rules": []}}
    body = {"error": {"message": "Not Found", "code": 2100}} if gone else {"service": service}
    fault(sandbox, "status", f"^{OF_SERVICE}$", "GET", status=404 if gone else 200, body=body)

    found = output(act("get-on-call", {"escalation_policy_id": POLICY}))

    assert found["escalation_policy"]["id"] == POLICY
    assert requests(sandbox) == [1, 2, 1]


def test_a_mistyped_id_is_said_to_be_no_services_and_costs_little_again(act: Any, sandbox: Sandbox) -> None:
    calls = [act("get-on-call", {"escalation_policy_id": "PNONE"}) for _ in range(2)]

    for call in calls:
        assert (call.status, call.error["code"]) == ("failed", "not_found_at_provider")
        (said,) = call.error["detail"]["fields"]["escalation_policy_id"]
        assert said.startswith("None of the first 2,000 services uses this escalation policy. Check the ID.")
        assert "“Choose escalation policies from a list”" in said
    assert len(asked(sandbox, "GET", "/escalation_policies/PNONE")) == 1
    assert len(asked(sandbox, "GET", OF_SERVICES)) == 1


def test_a_policy_that_the_user_may_not_see_stays_a_matter_of_access(act: Any, sandbox: Sandbox) -> None:
    body = {"error": {"message": "Access Denied", "code": 2010}}
    fault(sandbox, "status", "^/escalation_policies/PNONE$", "GET", status=403, body=body, times=2)

    calls = [act("get-on-call", {"escalation_policy_id": "PNONE"}) for _ in range(2)]

    assert [call.error["code"] for call in calls] == ["access_denied"] * 2
    assert len(asked(sandbox, "GET", "/escalation_policies/PNONE")) == 2
