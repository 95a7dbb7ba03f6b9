"""Alerts and log entries over several pages, and answers that are none. Not held against the contract."""

from typing import Any

import pytest

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.actions.incidents.reads.test_reads import PARTS, alert, incident, of
from tests.support.sandbox_actions import act, asked, connection, fault, later, output

__all__ = ["act", "connection", "incident", "of"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["alerts", "log_entries"])
def test_the_parts_that_pagerduty_pages_are_listed_by_page_and_whole(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any], name: str
) -> None:
    action = f"list-incident-{name.replace('_', '-')}"
    for _ in range(105):
        alert(sandbox, incident)
        sandbox.incidents._notify(incident)

    page = output(act(action, of | {"limit": 100}))
    whole = output(act(action, of | {"all": True}))

    assert (len(page[name]), page["more"]) == (100, True)
    assert (whole["complete"], whole["more"]) == (True, False)
    assert len({row["id"] for row in whole[name]}) == len(whole[name]) >= 105
    assert len(asked(sandbox, "GET", f"/incidents/{incident['id']}/{name}")) == 3


def test_the_same_page_again_ends_a_listing_of_alerts(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    for _ in range(105):
        alert(sandbox, incident)
    fault(sandbox, "ignore_offset", "/alerts$", "GET", times=None)

    call = act("list-incident-alerts", of | {"all": True})

    assert (call.status, call.error["code"]) == ("failed", "provider_error")
    assert "the same page again" in call.error["message"]


@pytest.mark.parametrize("action", [*PARTS, "get-service"])
@pytest.mark.parametrize("body", [{}, {"more": False, "service": None}], ids=["empty", "null"])
def test_an_answer_without_its_rows_is_no_result(
    act: Any, sandbox: Sandbox, of: dict[str, Any], action: str, body: dict[str, Any]
) -> None:
    fault(sandbox, "status", "/(incidents|services)/", "GET", status=200, body=body)

    call = act(action, {"service_id": "PSVC00"} if action == "get-service" else of)

    assert (call.status, call.error["code"]) == ("waiting", "provider_error")
    output(later(call))
