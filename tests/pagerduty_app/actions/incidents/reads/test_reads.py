"""What belongs to an incident and a service, read over the running sandbox; answers are held against the contract."""

from typing import Any

import pytest

from core.db import clock
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world import alerts
from pagerduty_app.sandbox.world.response import custom_fields
from pagerduty_app.sandbox.world.response.fields import Place
from tests.support.sandbox_actions import ACCOUNT, act, asked, connection, fault, output

__all__ = ["act", "connection"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
LOAD = {"metric": "CPU load", "host": "web-1", "values": [97, 98]}


@pytest.fixture
def incident(sandbox: Sandbox) -> dict[str, Any]:
    wanted = {"title": "Checkout is slow", "service": {"id": "PSVC01"}}
    return sandbox.incidents.open(ACCOUNT, sandbox.person(ACCOUNT), wanted)


@pytest.fixture
def of(incident: dict[str, Any]) -> dict[str, Any]:
    return {"incident_id": incident["id"]}


def alert(sandbox: Sandbox, incident: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return alerts.add(sandbox.store, sandbox.base_url, incident, **fields)


# --- alerts ----------------------------------------------------------------------------------------------
def test_alerts_come_with_what_the_monitoring_tool_sent(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    alert(sandbox, incident, details=LOAD, severity="warning")

    (found,) = output(act("list-incident-alerts", of))["alerts"]

    assert (found["body"]["details"], found["severity"]) == (LOAD, "warning")


def test_alerts_are_filtered_by_status_and_key(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    alert(sandbox, incident, alert_key="cpu")
    alert(sandbox, incident, alert_key="disk", status="resolved")

    def keys(**more: Any) -> list[str]:
        return [one["alert_key"] for one in output(act("list-incident-alerts", of | more))["alerts"]]

    assert keys(statuses=["resolved"]) == ["disk"]
    assert keys(alert_key="cpu") == ["cpu"]
    assert keys(statuses=["triggered", "resolved"]) == ["cpu", "disk"]


# --- notes, log, past incidents ----------------------------------------------------------------------------
def test_all_notes_are_listed_in_one_request(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    person = sandbox.person(ACCOUNT)
    for number in range(120):
        sandbox.incidents.annotate(ACCOUNT, person, incident["id"], f"Note {number}")

    found = output(act("list-incident-notes", of))

    assert [one["content"] for one in found["notes"]] == [f"Note {number}" for number in range(120)]
    assert found["notes"][0]["user"]["summary"] == "Dana Rivera"
    assert len(asked(sandbox, "GET", f"/incidents/{incident['id']}/notes")) == 1


def test_the_log_says_who_was_notified_when(act: Any, of: dict[str, Any], incident: dict[str, Any]) -> None:
    notified, triggered = output(act("list-incident-log-entries", of))["log_entries"]

    assert (notified["type"], triggered["type"]) == ("notify_log_entry", "trigger_log_entry")
    assert notified["user"]["summary"] == "Dana Rivera"
    assert notified["channel"]["notification"]["address"] == "dana@acme.example"
    assert notified["created_at"] == incident["created_at"]


def test_the_log_is_filtered_by_time_and_in_overview(act: Any, sandbox: Sandbox, of: dict[str, Any]) -> None:
    now = clock.now()
    later_on = of | {"since": now.replace(year=now.year + 1).isoformat(), "include": ["channels"]}

    assert output(act("list-incident-log-entries", later_on))["log_entries"] == []
    output(act("list-incident-log-entries", of | {"is_overview": True}))

    first, second = asked(sandbox, "GET", f"/incidents/{of['incident_id']}/log_entries")
    assert "since=" in first["query"]
    assert "include%5B%5D=channels" in first["query"]
    assert "is_overview=true" in second["query"]


def test_a_time_window_of_the_log_ends_after_it_begins(act: Any, of: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        act(
            "list-incident-log-entries",
            of | {"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        )
    assert refused.value.fields == {"until": ["Must be later than since."]}


def test_past_incidents_are_the_most_similar_ones(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    created = {"created_at": "2026-01-01T00:00:00Z"} if incident["created_at"] < "2026-02" else {}
    for title, service in (
        ("Checkout is slow", "PSVC01"),
        ("Disk full", "PSVC01"),
        ("Checkout is slow", "PSVC00"),
    ):
        sandbox.incidents.insert(ACCOUNT, service, title=title, **created)

    found = output(act("list-past-incidents", of))["past_incidents"]

    assert [(one["incident"]["title"], one["score"]) for one in found] == [
        ("Checkout is slow", 100.0),
        ("Disk full", 0.0),
    ]
    assert len(output(act("list-past-incidents", of | {"limit": 1}))["past_incidents"]) == 1


def test_a_plan_without_past_incidents_is_said(act: Any, sandbox: Sandbox, of: dict[str, Any]) -> None:
    fault(
        sandbox,
        "status",
        "/past_incidents$",
        "GET",
        status=402,
        body={"error": {"message": "Not available", "code": 2014, "errors": []}},
    )

    call = act("list-past-incidents", of)

    assert (call.status, call.error["code"]) == ("failed", "not_in_provider_plan")


# --- one service, one incident -----------------------------------------------------------------------------
def test_a_service_comes_with_the_levels_of_its_escalation_policy(act: Any) -> None:
    service = output(act("get-service", {"service_id": "PSVC00"}))["service"]

    assert service["name"] == "Payments"
    level, *_ = service["escalation_policy"]["escalation_rules"]
    assert level["escalation_delay_in_minutes"] == 30
    assert [target["summary"] for target in level["targets"]] == ["Dana Rivera"]


def test_an_incident_comes_with_what_is_included(
    act: Any, sandbox: Sandbox, incident: dict[str, Any], of: dict[str, Any]
) -> None:
    alert(sandbox, incident, details=LOAD)
    place, values = Place(sandbox.store, ACCOUNT, ""), [{"name": "environment", "value": "production"}]
    custom_fields.set_values(sandbox.incidents, place, sandbox.person(ACCOUNT), incident["id"], values)

    plain = output(act("get-incident", of))
    whole = output(
        act("get-incident", of | {"include": ["custom_fields", "first_trigger_log_entries", "alerts"]})
    )

    assert "custom_fields" not in plain["incident"]
    assert "alerts" not in plain
    assert [(one["name"], one["value"]) for one in whole["incident"]["custom_fields"][:1]] == [
        ("environment", "production")
    ]
    assert whole["incident"]["first_trigger_log_entry"]["agent"]["summary"] == "Dana Rivera"
    assert whole["alerts"][0]["body"]["details"] == LOAD
    assert whole["complete"] is True


# --- errors ------------------------------------------------------------------------------------------------
PARTS = ["list-incident-alerts", "list-incident-notes", "list-incident-log-entries", "list-past-incidents"]


@pytest.mark.parametrize("action", [*PARTS, "get-incident"])
def test_an_incident_that_is_not_there_is_named_so(act: Any, action: str) -> None:
    call = act(action, {"incident_id": "PNOTHERE"})

    assert (call.status, call.error["code"]) == ("failed", "incident_not_found")


def test_a_service_that_is_not_there_is_named_so(act: Any) -> None:
    call = act("get-service", {"service_id": "PNOTHERE"})

    assert (call.status, call.error["code"]) == ("failed", "service_not_found")
