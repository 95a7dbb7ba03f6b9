"""The fields that an update writes beside the status: once, precisely, and to open incidents only where people work."""

from typing import Any

import pytest

from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.support.sandbox_actions import ACCOUNT, DANA, act, asked, connection, fault, later, output

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
NUMBER, URL = "+1 415-555-1212,,,,1234#", "https://meet.example/1"
BRIDGE = {"conference_number": NUMBER, "conference_url": URL}
CHANGES: dict[str, dict[str, Any]] = {
    "priority": {"priority": "P3"},
    "priority by id": {"priority": "PPRIO03"},
    "level": {"escalation_level": 2},
    "assignees": {"assignee_ids": ["PUSER01", "PUSER02"]},
    "policy": {"escalation_policy_id": "PPOL01"},
    "service": {"service_id": "PSVC01"},
    "type": {"incident_type": "major_incident"},
    "bridge": BRIDGE,
}
# Who works on it: these are not written to a resolved incident.
ONLY_OPEN = ["level", "assignees", "policy", "service"]


@pytest.fixture
def incident(sandbox: Sandbox) -> str:
    some_id: str = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    return some_id


def update(some_id: str, **changes: Any) -> dict[str, Any]:
    return {"from": DANA, "incident_id": some_id, **changes}


def puts(sandbox: Sandbox, some_id: str) -> int:
    return len(asked(sandbox, "PUT", f"/incidents/{some_id}"))


def shown(sandbox: Sandbox, some_id: str) -> dict[str, Any]:
    """What the incident is now, by the names of CHANGES."""
    seen = sandbox.incidents.get(ACCOUNT, some_id)
    priority = (seen.get("priority") or {}).get("id")
    assignees = [row["assignee"]["id"] for row in seen["assignments"]]
    return {
        "priority": priority,
        "priority by id": priority,
        "level": assignees,
        "assignees": assignees,
        "policy": seen["escalation_policy"]["id"],
        "service": seen["service"]["id"],
        "type": seen["incident_type"]["name"],
        "bridge": sandbox.store.get("conference_bridge", some_id),
    }


WANTED: dict[str, Any] = {
    "priority": "PPRIO03",
    "priority by id": "PPRIO03",
    "level": ["PUSER01"],
    "assignees": ["PUSER01", "PUSER02"],
    "policy": "PPOL01",
    "service": "PSVC01",
    "type": "major_incident",
    "bridge": BRIDGE,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_field_is_written_once_and_then_unchanged(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    made = output(act("update-incident", update(incident, **CHANGES[name])))

    assert (made["changed"], made["reason"]) == (True, None)
    assert shown(sandbox, incident)[name] == WANTED[name]
    again = output(act("update-incident", update(incident, **CHANGES[name])))
    # The incident does not show its level: escalating to it once more is one more escalation.
    assert again["reason"] == (None if name == "level" else "unchanged")
    assert puts(sandbox, incident) == (2 if name == "level" else 1)


def test_all_of_it_is_one_request(act: Any, sandbox: Sandbox, incident: str) -> None:
    changes = {"title": "Full", "urgency": "low", "status": "acknowledged", **BRIDGE} | {
        "priority": "P1",
        "assignee_ids": ["PUSER01"],
        "service_id": "PSVC01",
        "incident_type": "security_incident",
    }

    made = output(act("update-incident", update(incident, **changes)))

    assert set(made["applied"]) == {*changes, "conference_bridge"} - set(BRIDGE)
    assert puts(sandbox, incident) == 1


@pytest.mark.parametrize("name", CHANGES)
def test_a_lost_answer_is_found_and_not_sent_again(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    fault(sandbox, "lose_answer", f"/incidents/{incident}$", method="PUT")
    call = act("update-incident", update(incident, **CHANGES[name]))
    assert call.status == "waiting"

    assert output(later(call))["changed"] is True

    assert puts(sandbox, incident) == 1
    assert shown(sandbox, incident)[name] == WANTED[name]


@pytest.mark.parametrize("name", CHANGES)
def test_a_request_that_never_arrived_is_sent_again(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    fault(sandbox, "drop_before", f"/incidents/{incident}$", method="PUT")

    assert output(later(act("update-incident", update(incident, **CHANGES[name]))))["changed"] is True

    assert puts(sandbox, incident) == 2
    assert shown(sandbox, incident)[name] == WANTED[name]


@pytest.mark.parametrize("name", ["level", "assignees"])
def test_what_people_changed_since_is_not_changed_back(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    """The log shows that ours took effect, though the incident does not any more."""
    fault(sandbox, "lose_answer", f"/incidents/{incident}$", method="PUT")
    call = act("update-incident", update(incident, **CHANGES[name]))
    eli = sandbox.person(ACCOUNT, "PUSER01")
    reassign = {"assignments": [{"assignee": {"id": "PUSER03", "type": "user_reference"}}]}
    sandbox.incidents.change(ACCOUNT, eli, incident, reassign)

    assert output(later(call))["changed"] is True

    assert puts(sandbox, incident) == 1
    assert shown(sandbox, incident)["assignees"] == ["PUSER03"]


@pytest.mark.parametrize("name", CHANGES)
def test_a_resolved_incident_is_neither_reopened_nor_given_to_others(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    sandbox.act(incident, "resolved")
    before = shown(sandbox, incident)[name]

    made = output(act("update-incident", update(incident, **CHANGES[name])))

    assert sandbox.incidents.get(ACCOUNT, incident)["status"] == "resolved"
    if name in ONLY_OPEN:
        assert (made["changed"], made["reason"], made["applied"]) == (False, "already_resolved", [])
        assert (puts(sandbox, incident), shown(sandbox, incident)[name]) == (0, before)
    else:
        assert (made["changed"], made["reason"]) == (True, None)
        assert shown(sandbox, incident)[name] == WANTED[name]


@pytest.mark.parametrize("name", ["level", "assignees", "policy"])
def test_one_resolved_just_before_keeps_what_can_still_be_written(
    act: Any, sandbox: Sandbox, incident: str, name: str
) -> None:
    fault(sandbox, "act_first", f"/incidents/{incident}$", method="PUT")

    made = output(act("update-incident", update(incident, title="Full", **CHANGES[name])))

    assert (made["applied"], made["reason"]) == (["title"], "already_resolved")
    assert made["incident"]["status"] == "resolved"


def test_it_is_reopened_for_those_that_are_named(act: Any, sandbox: Sandbox, incident: str) -> None:
    sandbox.act(incident, "resolved")

    changes = {"status": "triggered", "reopen": True, "assignee_ids": ["PUSER02"]}
    made = output(act("update-incident", update(incident, **changes)))

    assert (made["reopened"], shown(sandbox, incident)["assignees"]) == (True, ["PUSER02"])


def test_one_part_of_a_bridge_keeps_the_other(act: Any, sandbox: Sandbox, incident: str) -> None:
    output(act("update-incident", update(incident, conference_number=NUMBER)))
    output(act("update-incident", update(incident, conference_url=URL)))

    assert sandbox.store.get("conference_bridge", incident) == BRIDGE


def test_a_bridge_is_taken_as_pagerduty_has_it_too(act: Any, sandbox: Sandbox, incident: str) -> None:
    output(act("update-incident", update(incident, conference_bridge=BRIDGE)))

    assert sandbox.store.get("conference_bridge", incident) == BRIDGE


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"assignee_ids": ["PUSER01"], "escalation_policy_id": "PPOL01"}, "assignee_ids"),
        ({"assignee_ids": ["PUSER01"], "escalation_level": 2}, "assignee_ids"),
        ({"assignee_ids": []}, "assignee_ids"),
        ({"assignee_ids": ["a b"]}, "assignee_ids"),
        ({"escalation_level": 0}, "escalation_level"),
        ({"escalation_level": 101}, "escalation_level"),
        ({"escalation_level": 2, "status": "resolved"}, "escalation_level"),
        ({"escalation_policy_id": "PPOL01", "status": "resolved"}, "escalation_policy_id"),
        ({"priority": ""}, "priority"),
        ({"priority": "x" * 101}, "priority"),
        ({"service_id": "not an id"}, "service_id"),
        ({"incident_type": 5}, "incident_type"),
        ({"conference_number": "call me"}, "conference_number"),
        ({"conference_url": "javascript:alert(1)"}, "conference_url"),
        ({"conference_url": "ftp://meet.example"}, "conference_url"),
        ({"conference_bridge": {"url": URL}}, "conference_bridge"),
        ({"conference_bridge": BRIDGE, "conference_url": URL}, "conference_bridge"),
        ({"conference_bridge": URL}, "conference_bridge"),
        ({}, "status"),
    ],
)
def test_an_input_at_fault_is_named(
    act: Any, sandbox: Sandbox, incident: str, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Problem) as refused:
        act("update-incident", update(incident, **changes))

    assert list(refused.value.fields or {}) == [field]
    assert puts(sandbox, incident) == 0


@pytest.mark.parametrize(
    "changes",
    [{"priority": "P9"}, {"escalation_level": 9}, {"incident_type": "none"}, {"service_id": "PNONE"}],
)
def test_what_pagerduty_says_reaches_the_person(act: Any, incident: str, changes: dict[str, Any]) -> None:
    call = act("update-incident", update(incident, **changes))

    assert (call.status, call.error["code"]) == ("failed", "invalid_at_provider")
    assert call.error["detail"]["reasons"]
