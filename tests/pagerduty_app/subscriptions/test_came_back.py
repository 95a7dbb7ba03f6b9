"""Incidents that were reopened or unacknowledged while a webhook delivered nothing are recovered from their logs."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.actions.incidents import log_entries
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.subscriptions import came_back
from tests.factories import publish
from tests.support.relay import Relay, relay
from tests.support.sandbox_webhooks import (
    ACCOUNT,
    _held_to_the_contract,
    change,
    connection,
    disable,
    late,
    make,
    open_incident,
    prove,
    row,
    theirs,
    told,
    turn,
)
from workflows.models import Run, Trigger

__all__ = ["_held_to_the_contract", "connection", "relay"]
pytestmark = pytest.mark.django_db
Json = dict[str, Any]
_BEFORE = {"reopened": "resolved", "unacknowledged": "acknowledged"}


def made(connection: Connection, sandbox: Sandbox, relay: Relay, happens: str = "reopened") -> Trigger:
    """A trigger whose webhook works."""
    trigger = make(connection, happens)
    prove(trigger, relay)
    return trigger


def gap(sandbox: Sandbox, trigger: Trigger) -> None:
    """Nothing is delivered from now on."""
    disable(sandbox, theirs(sandbox, trigger)[0])


def log(sandbox: Sandbox, incident: Json) -> list[str]:
    return [entry["type"] for entry in sandbox.incidents.log(ACCOUNT, incident["id"])]


def read(sandbox: Sandbox) -> int:
    """How many pages of logs were read."""
    return sum(one["path"].endswith("/log_entries") for one in sandbox.requests)


def said(trigger: Trigger) -> str:
    recovered = row(trigger, "on").recovered
    assert recovered is not None
    return str(recovered["words"])


def age(sandbox: Sandbox, incident: Json, **ago: float) -> None:
    """Make the incident, and all that its log has, that much older."""
    before = f"{timezone.now() - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"
    now = sandbox.incidents.get(ACCOUNT, incident["id"])
    times = ("created_at", "updated_at", "last_status_change_at")
    sandbox.incidents.save(now | dict.fromkeys(times, before))
    for entry in sandbox.incidents.log(ACCOUNT, incident["id"]):
        sandbox.store.put("log_entry", entry["id"], entry | {"created_at": before}, incident["id"])


@pytest.mark.parametrize("happens", ["reopened", "unacknowledged"])
def test_what_came_back_unseen_is_recovered_once(
    happens: str, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, _BEFORE[happens])
    trigger = made(connection, sandbox, relay, happens)
    publish(trigger, connection)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    turn()

    (event,) = told(trigger, f"incident.{happens}")
    body = event.payload["event"]
    at = sandbox.incidents.log(ACCOUNT, incident["id"])[0]["created_at"]
    assert event.is_recovered
    assert body["id"] == f"recovered:incident.{happens}:{incident['id']}:{at}"
    assert (body["occurred_at"], body["agent"]["summary"]) == (at, "Dana Rivera")
    assert (body["data"]["status"], body["data"]["id"]) == ("triggered", incident["id"])
    assert body["data"]["reopened_at"] == (at if happens == "reopened" else None)
    assert said(trigger).startswith("Incidents opened before")
    gap(sandbox, trigger)
    turn()
    assert late(trigger, incident, happens, at) == 202
    assert len(told(trigger, f"incident.{happens}")) == Run.objects.count() == 1


def test_what_was_delivered_before_the_gap_is_not_recovered(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    change(sandbox, incident, "triggered")
    relay.let_in(1)
    gap(sandbox, trigger)
    turn()

    assert [event.is_recovered for event in told(trigger, "incident.reopened")] == [False]


def test_a_reopening_shows_after_the_incident_went_on(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    """Reopened as acknowledged, unacknowledged and resolved again."""
    incident = open_incident(sandbox)
    age(sandbox, incident, hours=2)
    trigger = make(connection, "not-acknowledged", minutes=10)
    prove(trigger, relay)
    gap(sandbox, trigger)
    for status in ("resolved", "acknowledged", "triggered", "resolved"):
        change(sandbox, incident, status)
    turn()

    told(trigger)
    recovered = [
        (event.event_type.removeprefix("incident."), event.payload["event"]["data"]["status"])
        for event in trigger.events.filter(source="recovered").order_by("seq")
    ]
    assert recovered == [
        ("reopened", "acknowledged"),
        ("unacknowledged", "triggered"),
        ("resolved", "resolved"),
    ]


def test_an_alert_that_is_repeated_is_no_return(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    """PagerDuty logs each alert of an incident as another trigger."""
    trigger = make(connection, "not-acknowledged", minutes=10)
    prove(trigger, relay)
    gap(sandbox, trigger)
    incident = open_incident(sandbox)
    change(sandbox, incident, "acknowledged")
    person = sandbox.person(ACCOUNT)
    sandbox.incidents.note_down(incident, log_entries.TRIGGER, person)
    turn()

    assert log(sandbox, incident).count(log_entries.TRIGGER) == 2
    assert not told(trigger, "incident.reopened") + told(trigger, "incident.unacknowledged")
    assert "log" not in said(trigger)


def test_a_log_that_does_not_explain_the_status_makes_no_reopening(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    now = sandbox.incidents.get(ACCOUNT, incident["id"])
    sandbox.incidents.note_down(now, log_entries.TRIGGER, sandbox.person(ACCOUNT))
    sandbox.incidents.note_down(now, "a_kind_of_tomorrow_log_entry", sandbox.person(ACCOUNT))
    turn()

    assert not told(trigger, "incident.reopened")
    assert "PagerDuty’s log does not show whether 1 of the incidents were reopened." in said(trigger)


def test_an_incident_that_changes_while_it_is_read_is_looked_at_again(
    connection: Connection, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    changes = came_back._changes

    def changing(*args: Any) -> Any:
        change(sandbox, incident, "acknowledged")
        return changes(*args)

    with monkeypatch.context() as patch:
        patch.setattr(came_back, "_changes", changing)
        turn()

    assert len(told(trigger, "incident.reopened")) == 1
    assert "log" not in said(trigger)


def test_a_log_is_read_back_to_the_last_status_before_the_gap(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident, quiet = open_incident(sandbox, "Long"), open_incident(sandbox, "Quiet")
    person = sandbox.person(ACCOUNT)
    for _ in range(150):
        sandbox.incidents.note_down(incident, "notify_log_entry", person)
    change(sandbox, incident, "resolved")
    for _ in range(120):
        sandbox.incidents.note_down(incident, "notify_log_entry", person)
    age(sandbox, incident, hours=2)
    age(sandbox, quiet, hours=2)
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    sandbox.requests.clear()
    turn()

    assert len(told(trigger, "incident.reopened")) == 1
    assert read(sandbox) == 2, "not its third page, and nothing of the incident that did not change"


def test_reading_logs_is_bounded_and_says_so(
    connection: Connection, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(came_back, "_MOST_LOGS", 1)
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    for number in range(2):
        open_incident(sandbox, f"Number {number}")
    sandbox.requests.clear()
    turn()

    assert read(sandbox) == 1
    assert (
        "Of 2 incidents that changed, only the 1 that changed last were checked for having been reopened or "
        "unacknowledged."
    ) in said(trigger)


def test_logs_are_read_for_those_who_ask_for_returns_only(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = made(connection, sandbox, relay, "triggered")
    gap(sandbox, trigger)
    open_incident(sandbox)
    turn()

    assert read(sandbox) == 0


def test_a_log_whose_pages_repeat_keeps_no_other_from_being_read(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    odd, incident = open_incident(sandbox, "Odd"), open_incident(sandbox)
    change(sandbox, odd, "resolved")
    for _ in range(150):
        sandbox.incidents.note_down(odd, "notify_log_entry", sandbox.person(ACCOUNT))
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, odd, "triggered")
    change(sandbox, incident, "triggered")
    fault = {"kind": "ignore_offset", "method": "GET", "path": f"{odd['id']}/log_entries$"}
    sandbox.faults.add([fault])
    turn()

    assert len(told(trigger, "incident.reopened")) == 1
    assert "PagerDuty’s log does not show whether 1 of the incidents were reopened." in said(trigger)


def test_an_incident_that_is_gone_when_its_log_is_read_ends_nothing(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    gone, incident = open_incident(sandbox, "Gone"), open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    change(sandbox, gone, "acknowledged")
    sandbox.faults.add([{"kind": "status", "status": 404, "path": f"{gone['id']}/log_entries"}])
    turn()

    assert len(told(trigger, "incident.reopened")) == 1
    assert "log" not in said(trigger)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403},
        {"status": 500},
        {"status": 200, "body": {"log_entries": [{"type": "x"}], "more": False}},
    ],
    ids=["forbidden", "broken", "row_without_id"],
)
def test_a_log_that_cannot_be_read_keeps_nothing_else_from_being_recovered(
    answer: Json, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    odd, incident = open_incident(sandbox, "Odd"), open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = make(connection, "changed", event_types=sorted(["incident.resolved", *came_back.EVENTS]))
    prove(trigger, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    change(sandbox, odd, "resolved")
    sandbox.faults.add([{"kind": "status", "path": f"{odd['id']}/log_entries", **answer}])
    turn()

    assert row(trigger, "on").gap_since is None
    assert len(told(trigger, "incident.reopened")) == 1
    assert len(told(trigger, "incident.resolved")) == 1
    for happened in ("reopened", "unacknowledged"):
        assert f"PagerDuty’s log does not show whether 1 of the incidents were {happened}." in said(trigger)


def test_a_log_that_can_be_read_the_second_time_is_read(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    sandbox.faults.add([{"kind": "status", "status": 503, "path": "/log_entries", "times": 1}])
    turn()

    assert len(told(trigger, "incident.reopened")) == 1
    assert "log" not in said(trigger)


@pytest.mark.parametrize("fault", [{"kind": "rate_limit"}, {"kind": "status", "status": 401}])
def test_a_refusal_of_the_connection_leaves_the_recovery_to_a_later_turn(
    fault: Json, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    change(sandbox, incident, "resolved")
    trigger = made(connection, sandbox, relay)
    gap(sandbox, trigger)
    change(sandbox, incident, "triggered")
    sandbox.faults.add([{"path": "/log_entries", **fault}])
    turn()

    assert row(trigger, "on").gap_since is not None
