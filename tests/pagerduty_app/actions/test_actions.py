"""The actions over the running sandbox; each request and answer is held against PagerDuty's own file if given."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.actions import ACTIONS
from pagerduty_app.oauth.scopes import SCOPES
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.support.contract import HINT, Contract
from tests.support.sandbox_actions import DANA, ELI, act, connection, fault, later, output
from tests.support.sandbox_incidents import fill
from workflows import worker
from workflows.calls import attempt
from workflows.representations.events_and_calls import CallOut

__all__ = ["act", "connection"]  # pytest takes fixtures over by name
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
NEW = {"from": DANA, "service_id": "PSVC00", "title": "Queue is full"}


def incidents(sandbox: Sandbox) -> list[str]:
    return [some_id for (some_id,) in sandbox.store.rows("SELECT id FROM incidents ORDER BY seq")]


def test_the_contract_is_there(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(HINT)


def test_an_incident_goes_through_its_life(act: Any, sandbox: Sandbox) -> None:
    everything = NEW | {
        "urgency": "low",
        "details": "All of it",
        "priority_id": "PPRIO01",
        "assignee_ids": ["PUSER01"],
    }
    made = output(act("create-incident", everything))["incident"]
    some_id = {"incident_id": made["id"]}

    assert output(act("get-incident", some_id))["incident"]["title"] == "Queue is full"
    note = output(act("create-incident-note", some_id | {"from": ELI, "content": "Looking"}))["note"]
    acknowledged = act("update-incident", some_id | {"from": ELI, "status": "acknowledged", "title": "Full"})
    assert output(acknowledged)["incident"]["status"] == "acknowledged"
    resolved = act("update-incident", some_id | {"from": ELI, "status": "resolved", "resolution": "Emptied"})
    assert output(resolved)["incident"]["status"] == "resolved"

    theirs = sandbox.incidents.get("PACME01", made["id"])
    assert (theirs["title"], theirs["urgency"]) == ("Full", "low")
    notes = sandbox.incidents.notes("PACME01", made["id"])
    assert [(row["id"], row["user"]["id"]) for row in notes] == [(note["id"], "PUSER01")]


@pytest.mark.parametrize(
    ("action", "collection"),
    [
        ("list-services", "services"),
        ("list-users", "users"),
        ("list-teams", "teams"),
        ("list-schedules", "schedules"),
    ],
)
def test_directories_are_listed_by_page_and_whole(act: Any, action: str, collection: str) -> None:
    page = output(act(action, {"limit": 1, "offset": 1}))
    whole = output(act(action, {"all": True}))

    assert (len(page[collection]), page["offset"], page["limit"]) == (1, 1, 1)
    assert whole["complete"] is True
    assert len(whole[collection]) > 1


def test_services_are_found_by_name(act: Any) -> None:
    found = output(act("list-services", {"query": "payments"}))["services"]
    assert [service["name"] for service in found] == ["Payments"]


def test_who_is_on_call_is_readable_with_the_six_scopes(act: Any) -> None:
    now = output(act("list-on-call", {"schedule_id": "PSCHED00"}))
    window = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}
    then = output(act("list-on-call", {"schedule_id": "PSCHED00"} | window))

    assert [user["email"] for user in now["users"]] == [DANA]
    assert then["users"] == now["users"]


def test_incidents_are_filtered_and_paged_until_more_is_false(act: Any, sandbox: Sandbox) -> None:
    old = (datetime.now(UTC) - timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(120):
        sandbox.incidents.insert("PACME01", "PSVC00", urgency="low" if number < 5 else "high")
    sandbox.incidents.insert("PACME01", "PSVC01", created_at=old)

    assert len(output(act("list-incidents", {"all": True}))["incidents"]) == 120
    assert len(output(act("list-incidents", {"all": True, "date_range": "all"}))["incidents"]) == 121
    assert len(output(act("list-incidents", {"urgencies": ["low"]}))["incidents"]) == 5
    page = output(act("list-incidents", {"limit": 100, "offset": 100, "statuses": ["triggered"]}))
    assert (len(page["incidents"]), page["more"]) == (20, False)
    span = {"since": old, "until": timezone.now().isoformat(), "service_ids": ["PSVC01"]}
    assert len(output(act("list-incidents", span))["incidents"]) == 1


@pytest.mark.slow
def test_more_of_one_moment_than_pagerduty_lists_is_said(act: Any, sandbox: Sandbox) -> None:
    fill(sandbox, 10_001, apart=timedelta(0))

    listing = output(act("list-incidents", {"all": True}))

    assert (len(listing["incidents"]), listing["complete"], listing["more"]) == (10_000, False, True)
    assert "10,000" in listing["incomplete_reason"]


def test_a_listing_too_long_for_a_worker_answers_what_has_come_and_says_so(
    act: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 250)
    clock = iter([0.0, 0.0, time.monotonic() + 2 * attempt.LONGEST_SECONDS])
    monkeypatch.setattr(
        "pagerduty_app.client.by_creation.time", SimpleNamespace(monotonic=lambda: next(clock))
    )

    listing = output(act("list-incidents", {"all": True}))

    assert (len(listing["incidents"]), listing["complete"], listing["more"]) == (199, False, True)
    assert "continue with since 20" in listing["incomplete_reason"]


def test_the_longest_attempt_fits_into_what_a_worker_is_given() -> None:
    last_request, new_token = 22, 25
    longest = worker._BUDGET + attempt.LONGEST_SECONDS + last_request + new_token
    assert longest < float(str(settings.Q_CLUSTER["timeout"]))


@pytest.mark.parametrize("sender", ["nobody@acme.example", "dana@globex.example"])
def test_from_has_to_be_a_user_of_that_account_before_anything_is_written(
    act: Any, sandbox: Sandbox, sent: list[str], sender: str
) -> None:
    call = act("create-incident", NEW | {"from": sender})

    assert call.status == "failed"
    assert call.error["code"] == "from_not_a_user"
    assert call.error["detail"]["fields"]["from"]
    assert incidents(sandbox) == []
    assert sent == ["GET /users"]


def test_each_action_with_a_from_says_that_it_looks_the_user_up() -> None:
    with_from = [action for action in ACTIONS.values() if "from" in action.input().fields]

    assert len(with_from) >= 8
    assert [action.key for action in with_from if "users.read" not in action.scope.split()] == []


def test_from_is_looked_up_once(act: Any, sent: list[str]) -> None:
    for number in range(3):
        act("create-incident", NEW | {"title": f"Number {number}"})

    assert sent.count("GET /users") == 1
    assert sent.count("POST /incidents") == 3


# --- one call, one effect ------------------------------------------------------------------------------
@pytest.mark.parametrize("key", [{}, {"incident_key": "mine"}], ids=["our key", "their key"])
def test_a_lost_answer_makes_one_incident(
    act: Any, sandbox: Sandbox, sent: list[str], key: dict[str, str]
) -> None:
    fault(sandbox, "lose_answer", "/incidents$")

    call = act("create-incident", NEW | key)
    assert call.status == "waiting"
    made = output(later(call))["incident"]

    assert incidents(sandbox) == [made["id"]]
    assert sent.count("POST /incidents") == 1


def test_an_incident_resolved_before_the_repeat_is_found_too(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", "/incidents$")
    call = act("create-incident", NEW)
    (made,) = incidents(sandbox)
    sandbox.incidents.change("PACME01", sandbox.person("PACME01"), made, {"status": "resolved"})

    assert output(later(call))["incident"]["id"] == made
    assert incidents(sandbox) == [made]


def test_a_request_that_never_arrived_is_sent_again(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "drop_before", "/incidents$")

    made = output(later(act("create-incident", NEW)))["incident"]

    assert incidents(sandbox) == [made["id"]]


def test_an_open_incident_that_somebody_elses_key_holds_is_named(act: Any, sandbox: Sandbox) -> None:
    first = output(act("create-incident", NEW | {"incident_key": "k"}))["incident"]

    second = act("create-incident", NEW | {"incident_key": "k"})

    assert second.status == "failed"
    assert second.error["code"] == "incident_key_in_use"
    assert second.error["detail"]["incident_id"] == first["id"]


@pytest.mark.parametrize("kind", ["lose_answer", "drop_before"])
def test_a_lost_answer_makes_one_note(act: Any, sandbox: Sandbox, kind: str) -> None:
    some_id = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    fault(sandbox, kind, "/notes$")

    call = act("create-incident-note", {"from": DANA, "incident_id": some_id, "content": "Look"})
    note = output(later(call))["note"]

    assert [row["id"] for row in sandbox.incidents.notes("PACME01", some_id)] == [note["id"]]


def test_an_equal_note_of_a_person_is_not_taken_for_ours(act: Any, sandbox: Sandbox) -> None:
    some_id = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    sandbox.incidents.annotate("PACME01", sandbox.person("PACME01", "PUSER01"), some_id, "Look")
    fault(sandbox, "drop_before", "/notes$")

    output(later(act("create-incident-note", {"from": DANA, "incident_id": some_id, "content": "Look"})))

    assert len(sandbox.incidents.notes("PACME01", some_id)) == 2


def test_a_lost_answer_to_an_update_is_not_sent_again(act: Any, sandbox: Sandbox, sent: list[str]) -> None:
    some_id = sandbox.incidents.insert("PACME01", "PSVC00")["id"]
    fault(sandbox, "lose_answer", f"/incidents/{some_id}$", method="PUT")

    call = act("update-incident", {"from": DANA, "incident_id": some_id, "status": "resolved"})
    assert output(later(call))["incident"]["status"] == "resolved"

    assert sent.count(f"PUT /incidents/{some_id}") == 1


# --- waiting and refusals ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry_after": "30"}, 30, 34),
        ({"retry_after": "7200"}, 7200, 7930),
        ({"retry_after": "9" * 400}, 21600, 23770),
        ({"retry_after": "0"}, 1, 2),
        ({}, 1, 2),
        ({"headers": False}, 1, 2.1),
    ],
    ids=["Retry-After", "two hours", "for ever", "at once", "ratelimit-reset", "neither"],
)
def test_a_429_is_a_row_that_waits_as_long_as_pagerduty_asks(
    act: Any, sandbox: Sandbox, headers: dict[str, Any], low: float, high: float
) -> None:
    fault(sandbox, "rate_limit", "/services$", method="GET", **headers)

    call = act("list-services", {})

    assert (call.status, call.error["code"]) == ("waiting", "rate_limited")
    wait = (call.next_attempt_at - timezone.now()).total_seconds()
    assert low - 0.5 <= wait <= high
    assert output(later(call))["services"]


@pytest.mark.parametrize(
    ("action", "data", "code", "status"),
    [
        ("get-incident", {"incident_id": "PNONE"}, "incident_not_found", 404),
        ("create-incident", NEW | {"service_id": "PNONE"}, "invalid_at_provider", 400),
        ("list-on-call", {"schedule_id": "PNONE"}, "not_found_at_provider", 404),
    ],
)
def test_refusals_carry_five_fields(
    act: Any, action: str, data: dict[str, Any], code: str, status: int
) -> None:
    call = act(action, data)

    assert call.status == "failed"
    error = CallOut(call).data["error"]
    assert set(error) == {"code", "message", "provider_status", "retryable", "detail"}
    assert (error["code"], error["provider_status"], error["retryable"]) == (code, status, False)


def test_an_access_token_that_is_refused_is_renewed_once_and_then_given_up(
    act: Any, sandbox: Sandbox, connection: Connection
) -> None:
    fault(sandbox, "status", "/services$", method="GET", status=401)
    assert output(act("list-services", {}))["services"]

    sandbox.tokens.revoke()
    call = act("list-services", {})

    connection.refresh_from_db()
    assert connection.status == "error"
    assert call.error["code"] == "reconnection_needed"
    assert call.status == "failed"


ROTATION = "PSCHED02"


def test_who_is_on_call_and_until_when(
    act: Any, connection: Connection, sandbox: Sandbox, sent: list[str]
) -> None:
    at = "2026-11-02T12:00:00+00:00"

    found = output(act("get-on-call", {"schedule_id": ROTATION, "at": at}))

    assert [(user["email"], user["summary"]) for user in found["users"]] == [(ELI, "Eli Novak")]
    assert (found["at"], found["until"]) == (at, "2026-11-03T08:00:00+00:00")
    assert found["schedule"]["summary"] == "Daily rotation"
    assert sent[-3:] == [f"GET /schedules/{ROTATION}", "GET /users/PUSER01", "GET /users/PUSER02"]

    on = output(act("get-on-call", {"schedule_id": ROTATION}))
    assert len(on["users"]) == 1
    assert datetime.fromisoformat(on["until"]) - datetime.fromisoformat(on["at"]) <= timedelta(days=1)
    # One person alone: the turns follow each other, and none of them is an end, for a month and longer.
    alone = output(act("get-on-call", {"schedule_id": "PSCHED00", "at": at}))
    assert alone["until"] is None


def test_nobody_on_call_is_said(act: Any, sandbox: Sandbox) -> None:
    found = output(act("get-on-call", {"schedule_id": ROTATION, "at": "2020-01-01T00:00:00Z"}))

    assert (found["users"], found["until"]) == ([], None)


def test_both_scopes_are_wanted(act: Any, connection: Connection) -> None:
    for missing in ("schedules.read", "users.read"):
        granted = [scope for scope in SCOPES if scope != missing]
        connection.grant.scopes_granted = granted
        connection.grant.save()

        with pytest.raises(Problem) as refused:
            act("get-on-call", {"schedule_id": ROTATION})

        assert refused.value.code == "missing_scope"
