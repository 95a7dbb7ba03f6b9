"""What responders do with an incident: one call one effect, also when responses are lost; a resolved one stays so."""

from typing import Any

import pytest

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.support.sandbox_actions import ACCOUNT, DANA, ELI, act, asked, connection, fault, later, output
from workflows.models import ActionCall

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
VALUES = {"environment": "production", "affected_users": "12", "customer_facing": "yes", "regions": "eu, us"}
TYPED = {"environment": "production", "affected_users": 12, "customer_facing": True, "regions": ["eu", "us"]}


@pytest.fixture
def incident(sandbox: Sandbox) -> str:
    some_id: str = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    return some_id


@pytest.fixture
def others(sandbox: Sandbox) -> list[str]:
    return [sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"] for _ in range(2)]


@pytest.fixture
def inputs(incident: str, others: list[str]) -> dict[str, dict[str, Any]]:
    common = {"from": DANA, "incident_id": incident}
    return {
        "snooze-incident": common | {"duration_minutes": 60},
        "merge-incidents": common | {"source_incident_ids": others},
        "add-responders": common
        | {"user_ids": ["PUSER01"], "escalation_policy_ids": ["PPOL01"], "message": "Help"},
        "publish-status-update": common | {"message": "A fix is on its way"},
        "set-custom-fields": common | {"custom_fields": VALUES},
    }


PATHS = {
    "snooze-incident": ("POST", "snooze"),
    "merge-incidents": ("PUT", "merge"),
    "add-responders": ("POST", "responder_requests"),
    "publish-status-update": ("POST", "status_updates"),
    "set-custom-fields": ("PUT", "custom_fields/values"),
}
FOUND_AGAIN = [action for action in PATHS if action != "publish-status-update"]


def writes(sandbox: Sandbox, action: str, incident: str) -> int:
    method, part = PATHS[action]
    return len(asked(sandbox, method, f"/incidents/{incident}/{part}"))


def had_effect(sandbox: Sandbox, action: str, incident: str, others: list[str]) -> int:
    """How many times the write took effect, as PagerDuty shows it."""
    seen = sandbox.incidents.get(ACCOUNT, incident)
    log = [entry["type"] for entry in sandbox.incidents.log(ACCOUNT, incident)]
    merged = [sandbox.incidents.get(ACCOUNT, some_id).get("resolve_reason") for some_id in others]
    return {
        "snooze-incident": log.count("snooze_log_entry"),
        "merge-incidents": int(all(reason and reason["incident"]["id"] == incident for reason in merged)),
        "add-responders": len(seen.get("responder_requests", [])),
        "publish-status-update": sandbox.store.count("status_update", incident),
        "set-custom-fields": log.count("custom_field_value_change_log_entry"),
    }[action]


# --- once ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", PATHS)
def test_a_call_takes_effect_once(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, others: list[str], action: str
) -> None:
    made = output(act(action, inputs[action]))

    assert made.get("changed", True) is True
    assert made.get("reason") is None
    assert had_effect(sandbox, action, incident, others) == 1


@pytest.mark.parametrize("kind", ["lose_answer", "status_after"])
@pytest.mark.parametrize("action", FOUND_AGAIN)
def test_a_lost_answer_is_looked_up_and_not_sent_again(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, others: list[str], action: str, kind: str
) -> None:
    method, part = PATHS[action]
    fault(sandbox, kind, f"/{part}$", method=method, status=502)
    call = act(action, inputs[action])
    assert call.status == "waiting"

    made = output(later(call))

    assert made["changed"] is True
    assert writes(sandbox, action, incident) == 1
    assert had_effect(sandbox, action, incident, others) == 1


@pytest.mark.parametrize("action", FOUND_AGAIN)
def test_a_request_that_never_arrived_is_sent_again_when_it_can_no_longer_come(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, others: list[str], action: str
) -> None:
    method, part = PATHS[action]
    fault(sandbox, "drop_before", f"/{part}$", method=method)
    call = act(action, inputs[action])
    assert (call.status, call.settles_at is not None) == ("waiting", True)

    assert output(later(call))["changed"] is True

    assert writes(sandbox, action, incident) == 2
    assert had_effect(sandbox, action, incident, others) == 1


@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_a_status_update_whose_answer_was_lost_is_not_sent_again_and_says_so(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, kind: str
) -> None:
    """No request lists status updates: a second one would go to the same subscribers again."""
    fault(sandbox, kind, "/status_updates$")

    call = later(act("publish-status-update", inputs["publish-status-update"]))

    assert call.status == "failed"
    assert call.error is not None
    assert (call.error["code"], call.error["retryable"]) == ("status_update_unconfirmed", False)
    assert "not sent again" in call.error["message"]
    assert writes(sandbox, "publish-status-update", incident) == 1


def test_a_status_update_that_was_refused_is_sent_again(act: Any, sandbox: Sandbox, inputs: Any) -> None:
    fault(sandbox, "rate_limit", "/status_updates$")

    call = later(act("publish-status-update", inputs["publish-status-update"]))

    assert output(call)["status_update"]["message"] == "A fix is on its way"


def test_an_email_has_a_subject_and_a_message(act: Any, sandbox: Sandbox, inputs: Any, incident: str) -> None:
    email = {"subject": "Queue", "html_message": "<p>Fixed</p>"}

    output(act("publish-status-update", inputs["publish-status-update"] | email))

    (made,) = sandbox.store.all("status_update", incident)
    assert {name: made[name] for name in email} == email
    with pytest.raises(Problem) as refused:
        act("publish-status-update", inputs["publish-status-update"] | {"subject": "Queue"})
    assert list(refused.value.fields or {}) == ["html_message"]


# --- late ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", ["snooze-incident", "merge-incidents", "add-responders"])
def test_a_resolved_incident_is_left_as_it_is(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, others: list[str], action: str
) -> None:
    sandbox.act(incident, "resolved")

    made = output(act(action, inputs[action]))

    assert (made["changed"], made["reason"]) == (False, "already_resolved")
    assert writes(sandbox, action, incident) == 0
    assert sandbox.incidents.get(ACCOUNT, incident)["status"] == "resolved"
    assert not ActionCall.objects.filter(unsure=True).exists()


def test_one_that_is_resolved_just_before_the_snooze_is_left_too(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    fault(sandbox, "act_first", "/snooze$")

    made = output(act("snooze-incident", inputs["snooze-incident"]))

    assert (made["changed"], made["reason"], made["snoozed_until"]) == (False, "already_resolved", None)
    assert made["incident"]["status"] == "resolved"


def test_a_merge_after_a_replay_sends_only_what_is_left(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, others: list[str]
) -> None:
    sandbox.act(others[0], "resolved")
    first = output(act("merge-incidents", inputs["merge-incidents"] | {"source_incident_ids": others[:1]}))
    second = output(act("merge-incidents", inputs["merge-incidents"]))
    third = output(act("merge-incidents", inputs["merge-incidents"]))

    assert [made["merged"] for made in (first, second, third)] == [others[:1], others[1:], []]
    assert (third["changed"], third["reason"]) == (False, "already_merged")


# --- details -------------------------------------------------------------------------------------------
def test_a_snooze_is_sent_in_seconds_and_says_until_when(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    made = output(act("snooze-incident", inputs["snooze-incident"]))

    (action,) = sandbox.incidents.get(ACCOUNT, incident)["pending_actions"]
    assert made["snoozed_until"] == action["at"]
    assert made["incident"]["status"] == "acknowledged"


def test_a_snooze_of_another_length_is_not_taken_for_ours(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    output(act("snooze-incident", inputs["snooze-incident"] | {"duration_minutes": 5}))
    fault(sandbox, "drop_before", "/snooze$")

    output(later(act("snooze-incident", inputs["snooze-incident"])))

    assert writes(sandbox, "snooze-incident", incident) == 3


def test_two_equal_responder_requests_that_both_lost_their_answers_are_two(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    sandbox.faults.add(
        [{"kind": "lose_answer", "method": "POST", "path": "/responder_requests$", "times": 2}]
    )
    first, second = (act("add-responders", inputs["add-responders"]) for _ in range(2))

    found = [output(later(call))["responder_request"]["id"] for call in (first, second)]

    assert len(set(found)) == writes(sandbox, "add-responders", incident) == 2


def test_another_persons_equal_request_is_not_ours(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    output(act("add-responders", inputs["add-responders"] | {"from": ELI}))
    fault(sandbox, "drop_before", "/responder_requests$")

    output(later(act("add-responders", inputs["add-responders"])))

    requests = sandbox.incidents.get(ACCOUNT, incident)["responder_requests"]
    assert [row["requester"]["id"] for row in requests] == ["PUSER01", "PUSER00"]


def test_a_plan_without_responders_is_explained(act: Any, sandbox: Sandbox, inputs: Any) -> None:
    body = {"error": {"message": "Account does not have the ability", "code": 2014, "errors": []}}
    fault(sandbox, "status", "/responder_requests$", status=402, body=body)

    call = act("add-responders", inputs["add-responders"])

    assert call.status == "failed"
    assert (call.error["code"], call.error["provider_status"]) == ("responders_not_in_plan", 402)
    assert call.error["message"] == "Account does not have the ability"


def test_values_are_written_in_the_type_of_their_field(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    made = output(act("set-custom-fields", inputs["set-custom-fields"]))

    shown = {row["name"]: row["value"] for row in made["custom_fields"] if row["value"] is not None}
    assert shown == TYPED
    again = output(act("set-custom-fields", inputs["set-custom-fields"] | {"custom_fields": TYPED}))
    assert (again["changed"], again["reason"]) == (False, "unchanged")
    by_id = {"custom_fields": {"PFIELDENVIRONMENT": "", "affected_users": 12}}
    cleared = output(act("set-custom-fields", inputs["set-custom-fields"] | by_id))
    assert next(row["value"] for row in cleared["custom_fields"] if row["name"] == "environment") is None
    assert writes(sandbox, "set-custom-fields", incident) == 2


def test_the_same_time_in_another_zone_is_no_change(act: Any, sandbox: Sandbox, inputs: Any) -> None:
    made = [
        output(act("set-custom-fields", inputs["set-custom-fields"] | {"custom_fields": {"started_at": at}}))
        for at in ("2026-11-30T10:00:00Z", "2026-11-30T11:00:00+01:00")
    ]

    assert [one["changed"] for one in made] == [True, False]


@pytest.mark.parametrize("values", [{"none": "x"}, {"affected_users": "a dozen"}])
def test_what_pagerduty_says_about_a_value_reaches_the_person(
    act: Any, inputs: Any, values: dict[str, Any]
) -> None:
    call = act("set-custom-fields", inputs["set-custom-fields"] | {"custom_fields": values})

    assert call.status == "failed"
    assert call.error["code"] == "invalid_at_provider"
    assert next(iter(values)) in call.error["detail"]["reasons"][0]


def test_a_field_that_is_given_by_name_and_by_id_is_refused(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str
) -> None:
    """The incident cannot have both values, so a lost response would never be found."""
    twice = {"environment": "production", "PFIELDENVIRONMENT": "staging"}

    call = act("set-custom-fields", inputs["set-custom-fields"] | {"custom_fields": twice})

    said = "The field environment is given twice: by name and by ID (PFIELDENVIRONMENT)."
    assert (call.status, call.error["code"], call.error["message"]) == ("failed", "invalid_input", said)
    assert call.error["detail"]["fields"] == {"custom_fields": [said]}
    assert writes(sandbox, "set-custom-fields", incident) == 0


# --- refused before anything is sent -------------------------------------------------------------------
BAD = [
    ("snooze-incident", {"duration_minutes": 0}, "duration_minutes"),
    ("snooze-incident", {"duration_minutes": 10_081}, "duration_minutes"),
    ("snooze-incident", {"duration_minutes": "soon"}, "duration_minutes"),
    ("merge-incidents", {"source_incident_ids": []}, "source_incident_ids"),
    ("merge-incidents", {"source_incident_ids": ["P"] * 21}, "source_incident_ids"),
    ("merge-incidents", {"incident_id": "PA", "source_incident_ids": ["PA"]}, "source_incident_ids"),
    ("add-responders", {"user_ids": [], "escalation_policy_ids": []}, "user_ids"),
    ("add-responders", {"message": ""}, "message"),
    ("publish-status-update", {"message": " "}, "message"),
    ("set-custom-fields", {"custom_fields": {}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {"": "x"}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {"a": {"b": 1}}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {"a": [1]}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {"a": ["x"] * 11}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {"a": "x" * 201}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": {f"f{n}": 1 for n in range(51)}}, "custom_fields"),
    ("set-custom-fields", {"custom_fields": "environment"}, "custom_fields"),
]


@pytest.mark.parametrize(("action", "change", "field"), BAD)
def test_an_input_at_fault_is_named(
    act: Any, sandbox: Sandbox, inputs: Any, action: str, change: dict[str, Any], field: str
) -> None:
    before = len(sandbox.requests)

    with pytest.raises(Problem) as refused:
        act(action, inputs[action] | change)

    assert refused.value.code == "invalid_input"
    assert field in (refused.value.fields or {})
    assert len(sandbox.requests) == before


@pytest.mark.parametrize("action", PATHS)
def test_from_is_checked_before_anything_is_sent(
    act: Any, sandbox: Sandbox, inputs: Any, incident: str, action: str
) -> None:
    call = act(action, inputs[action] | {"from": "nobody@acme.example"})

    assert (call.status, call.error["code"]) == ("failed", "from_not_a_user")
    assert writes(sandbox, action, incident) == 0
    with pytest.raises(Problem) as refused:
        act(action, {name: value for name, value in inputs[action].items() if name != "from"})
    assert list(refused.value.fields or {}) == ["from"]


@pytest.mark.parametrize("action", PATHS)
def test_an_incident_that_is_not_there_says_so(act: Any, inputs: Any, action: str) -> None:
    call = act(action, inputs[action] | {"incident_id": "PNOTTHERE"})

    assert (call.status, call.error["code"]) == ("failed", "incident_not_found")


def test_the_actions_need_no_further_scope(connection: Connection) -> None:
    from pagerduty_app.actions import ACTIONS
    from pagerduty_app.oauth.scopes import SCOPES

    for action in PATHS:
        assert set(ACTIONS[f"pagerduty/{action}"].scope.split()) <= set(SCOPES)
