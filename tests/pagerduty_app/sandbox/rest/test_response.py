"""What responders do in the sandbox: PagerDuty's answers, its refusals, and the events (api-schema; webhooks v3)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.sandbox.conftest import Ask

ACCOUNT, NOBODY = "PACME01", "http://127.0.0.1:9/"
HINT = "set PAGERDUTY_EVENTS to a folder with one webhook body per event type"


@pytest.fixture
def incident(sandbox: Sandbox) -> str:
    some_id: str = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    return some_id


@pytest.fixture
def events(sandbox: Sandbox) -> Any:
    """events(): the events so far, oldest first."""
    sandbox.subscribe(ACCOUNT, NOBODY, [], {"type": "account_reference"})

    def told() -> list[dict[str, Any]]:
        rows = sandbox.store.rows("SELECT body FROM deliveries ORDER BY seq")
        return [json.loads(body)["event"] for (body,) in rows]

    return told


def refused(answer: Any, status: int, code: int) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def documented(kind: str) -> dict[str, Any]:
    folder = os.environ.get("PAGERDUTY_EVENTS")
    if not folder:
        pytest.skip(HINT)
    event: dict[str, Any] = json.loads((Path(folder) / f"{kind}.json").read_text())["event"]
    return event


USER, POLICY = (
    {"id": "PUSER01", "type": "user_reference"},
    {"id": "PPOL01", "type": "escalation_policy_reference"},
)
FIELDS: dict[str, dict[str, Any]] = {
    "incident.priority_updated": {"priority": {"id": "PPRIO01", "type": "priority_reference"}},
    "incident.reassigned": {"assignments": [{"assignee": USER}]},
    "incident.delegated": {"escalation_policy": POLICY},
    "incident.escalated": {"escalation_level": 2},
    "incident.service_updated": {"service": {"id": "PSVC01", "type": "service_reference"}},
    "incident.incident_type.changed": {"incident_type": {"name": "major_incident"}},
    "incident.conference_bridge.updated": {"conference_bridge": {"conference_url": "https://meet.example/1"}},
}
ONE_USER: dict[str, Any] = {
    "requester_id": "PUSER00",
    "message": "Please help",
    "responder_request_targets": [{"responder_request_target": USER}],
}
REQUESTS = {
    kind: ("PUT", "", {"incident": {"type": "incident", **body}}) for kind, body in FIELDS.items()
} | {
    "incident.responder.added": ("POST", "/responder_requests", ONE_USER),
    "incident.status_update_published": ("POST", "/status_updates", {"message": "A fix is on its way"}),
    "incident.custom_field_values.updated": (
        "PUT",
        "/custom_fields/values",
        {"custom_fields": [{"name": "environment", "value": "production"}]},
    ),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_write_is_answered_as_the_schema_says_and_told_once_with_the_documented_body(
    ask: Ask, incident: str, events: Any, kind: str
) -> None:
    method, path, body = REQUESTS[kind]
    theirs = documented(kind)

    answer = ask(method, f"/incidents/{incident}{path}", json=body)

    assert answer.status_code in (200, 201), answer.text
    (ours,) = events()
    assert ours["event_type"] == kind
    assert set(ours["data"]) == set(theirs["data"])
    assert ours["agent"]["id"] == "PUSER00"


def test_a_priority_is_named_by_its_name_too(ask: Ask, incident: str) -> None:
    body = {"incident": {"type": "incident", "priority": "P3"}}
    assert ask("PUT", f"/incidents/{incident}", json=body).json()["incident"]["priority"]["id"] == "PPRIO03"
    refused(
        ask("PUT", f"/incidents/{incident}", json={"incident": {"type": "incident", "priority": "P9"}}),
        400,
        2001,
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"assignments": [{"assignee": USER}], "escalation_policy": POLICY}, 2001),
        ({"assignments": []}, 2001),
        ({"assignments": [{"assignee": {"id": "PUSER11", "type": "user_reference"}}]}, 2001),
        ({"escalation_level": 3}, 2001),
        ({"escalation_level": True}, 2001),
        ({"service": {"id": "PSVC10", "type": "service_reference"}}, 2001),
        ({"incident_type": {"name": "no_such_type"}}, 2001),
        ({"conference_bridge": {"conference_url": 5}}, 2001),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(
    ask: Ask, incident: str, events: Any, body: dict[str, Any], code: int
) -> None:
    refused(ask("PUT", f"/incidents/{incident}", json={"incident": {"type": "incident", **body}}), 400, code)
    assert events() == []


def test_a_resolved_incident_is_assigned_to_no_one(ask: Ask, sandbox: Sandbox, incident: str) -> None:
    sandbox.act(incident, "resolved")
    for body in (
        {"assignments": [{"assignee": USER}]},
        {"escalation_level": 2},
        {"escalation_policy": POLICY},
    ):
        answer = ask("PUT", f"/incidents/{incident}", json={"incident": {"type": "incident", **body}})
        refused(answer, 400, 1001)
    refused(ask("POST", f"/incidents/{incident}/snooze", json={"duration": 60}), 400, 1001)


def test_the_conference_bridge_is_included_when_asked_for(ask: Ask, incident: str) -> None:
    bridge = {"conference_number": "+1 415-555-1212,,,,1234#", "conference_url": "https://meet.example/1"}
    path = f"/incidents/{incident}"
    ask("PUT", path, json={"incident": {"type": "incident", "conference_bridge": bridge}})

    assert "conference_bridge" not in ask("GET", path).json()["incident"]
    assert ask("GET", f"{path}?include[]=conference_bridge").json()["incident"]["conference_bridge"] == bridge


def test_a_snooze_acknowledges_and_says_when_it_ends(ask: Ask, incident: str, events: Any) -> None:
    answer = ask("POST", f"/incidents/{incident}/snooze", json={"duration": 3600})

    snoozed = answer.json()["incident"]
    assert (answer.status_code, snoozed["status"]) == (201, "acknowledged")
    (action,) = snoozed["pending_actions"]
    newest = ask("GET", f"/incidents/{incident}/log_entries").json()["log_entries"][0]
    assert (newest["type"], newest["changed_actions"]) == ("snooze_log_entry", [action])
    assert [event["event_type"] for event in events()] == ["incident.acknowledged"]


@pytest.mark.parametrize("duration", [None, 0, 604_801, "60", True])
def test_a_snooze_is_between_a_second_and_a_week(ask: Ask, incident: str, duration: Any) -> None:
    refused(ask("POST", f"/incidents/{incident}/snooze", json={"duration": duration}), 400, 2001)


def merge(ask: Ask, target: str, *sources: str) -> Any:
    rows = [{"id": some_id, "type": "incident_reference"} for some_id in sources]
    return ask("PUT", f"/incidents/{target}/merge", json={"source_incidents": rows})


def test_merged_incidents_are_resolved_with_the_reason(
    ask: Ask, sandbox: Sandbox, incident: str, events: Any
) -> None:
    first, second = (sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"] for _ in range(2))

    assert merge(ask, incident, first, second).json()["incident"]["id"] == incident

    for some_id in (first, second):
        reason = sandbox.incidents.get(ACCOUNT, some_id)["resolve_reason"]
        assert (reason["type"], reason["incident"]["id"]) == ("merge_resolve_reason", incident)
    assert [event["data"]["resolve_reason"]["incident"]["id"] for event in events()] == [incident, incident]
    refused(merge(ask, incident, first), 400, 2001)
    refused(merge(ask, incident, incident), 400, 2001)
    refused(merge(ask, incident), 400, 2001)
    refused(merge(ask, incident, "PNONE"), 404, 5001)
    sandbox.act(incident, "resolved")
    refused(merge(ask, incident, sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]), 400, 2001)


def test_an_incident_of_the_api_cannot_be_merged(ask: Ask, incident: str) -> None:
    wanted = {"type": "incident", "title": "x", "service": {"id": "PSVC00", "type": "service_reference"}}
    source = ask("POST", "/incidents", json={"incident": wanted}).json()["incident"]

    refused(merge(ask, incident, source["id"]), 400, 2001)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"requester_id": "PNONE"}, 1008),
        ({"message": " "}, 2001),
        ({"responder_request_targets": []}, 2001),
        ({"responder_request_targets": [{"responder_request_target": {"id": "PSVC00", "type": "x"}}]}, 2001),
        ({"responder_request_targets": [{"responder_request_target": USER | {"id": "PUSER11"}}]}, 2001),
    ],
)
def test_a_responder_request_that_cannot_be_made_is_refused(
    ask: Ask, incident: str, change: dict[str, Any], code: int
) -> None:
    refused(ask("POST", f"/incidents/{incident}/responder_requests", json=ONE_USER | change), 400, code)


def test_an_escalation_policy_adds_those_of_its_first_level(ask: Ask, incident: str, events: Any) -> None:
    body = ONE_USER | {"responder_request_targets": [{"responder_request_target": POLICY}]}

    assert ask("POST", f"/incidents/{incident}/responder_requests", json=body).status_code == 200

    seen = ask("GET", f"/incidents/{incident}").json()["incident"]
    assert [row["user"]["id"] for row in seen["incidents_responders"]] == ["PUSER00"]
    assert seen["responder_requests"][0]["message"] == "Please help"
    assert events()[0]["data"]["escalation_policy"]["id"] == "PPOL01"


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": "x", "subject": "y"}])
def test_a_status_update_needs_a_message_and_an_email_both_parts(
    ask: Ask, incident: str, body: dict[str, Any]
) -> None:
    refused(ask("POST", f"/incidents/{incident}/status_updates", json=body), 400, 2001)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", "production"),
        ("regions", ["eu", "us"]),
        ("affected_users", 12),
        ("error_rate", 0.5),
        ("customer_facing", True),
        ("runbook", "https://wiki.example/queue"),
        ("started_at", "2026-11-30T10:00:00Z"),
    ],
)
def test_a_custom_field_has_the_value_it_was_given(ask: Ask, incident: str, name: str, value: Any) -> None:
    path = f"/incidents/{incident}/custom_fields/values"

    answer = ask("PUT", path, json={"custom_fields": [{"id": f"PFIELD{name.upper()}", "value": value}]})

    assert answer.status_code == 201, answer.text
    shown = {row["name"]: row["value"] for row in ask("GET", path).json()["custom_fields"]}
    assert shown.pop(name) == value
    assert set(shown.values()) == {None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("none", "x"),
        ("environment", 5),
        ("environment", ["a"]),
        ("regions", "eu"),
        ("affected_users", True),
        ("affected_users", 1.5),
        ("customer_facing", "yes"),
        ("started_at", "yesterday"),
    ],
)
def test_a_custom_field_refuses_another_kind_of_value(ask: Ask, incident: str, name: str, value: Any) -> None:
    body = {"custom_fields": [{"name": name, "value": value}]}
    refused(ask("PUT", f"/incidents/{incident}/custom_fields/values", json=body), 400, 2001)
