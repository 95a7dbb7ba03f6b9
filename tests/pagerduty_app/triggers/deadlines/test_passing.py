"""A deadline passes once, never early, only for what is still so."""

from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from connections.connecting.revoke import revoke
from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM
from tests.pagerduty_app.triggers.deadlines.moments import A_MOMENT, HOUR, NINE, TEN_PAST
from tests.support.deadlines import (
    MINUTE,
    NOT_ACKNOWLEDGED,
    NOT_RESOLVED,
    Incident,
    at,
    only,
    overdue,
    passed,
)
from tests.support.sandbox_incidents import note_down
from workflows.models import Deadline, Event, Trigger
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


def test_it_passes_once_at_the_very_minute(trigger: Trigger, incident: Incident) -> None:
    incident.tell(trigger, "triggered", NINE)
    at(TEN_PAST - A_MOMENT)
    assert passed() == []

    for later in (TEN_PAST, TEN_PAST + MINUTE, TEN_PAST + HOUR):
        at(later)

    (event,) = passed()
    assert event["event_type"] == "incident.not_acknowledged"
    assert event["data"]["deadline"] == {
        "minutes": 10,
        "since": "2026-11-30T09:00:00.000000Z",
        "due_at": "2026-11-30T09:10:00.000000Z",
        "checked_at": "2026-11-30T09:10:00.000000Z",
    }
    row = only()
    assert (row.status, row.next_attempt_at, row.ended_at, row.reason) == ("passed", None, TEN_PAST, "")


def test_the_event_has_the_incident_as_it_is_at_that_moment(trigger: Trigger, incident: Incident) -> None:
    incident.tell(trigger, "triggered", NINE)
    incident.change(NINE + MINUTE, title="It is down", urgency="low")

    at(TEN_PAST)

    (event,) = passed()
    assert (event["data"]["title"], event["data"]["urgency"]) == ("It is down", "low")
    assert Event.objects.get(source="deadline").lane == incident.id


@pytest.mark.parametrize("what", ["acknowledged", "resolved"])
@pytest.mark.parametrize("told", [True, False])
def test_it_does_not_pass_if_the_incident_is_acknowledged_or_resolved_in_time(
    trigger: Trigger, incident: Incident, what: str, told: bool
) -> None:
    """Also where no delivery says so, because PagerDuty is asked."""
    incident.tell(trigger, "triggered", NINE)
    incident.change(NINE + MINUTE, status=what)
    if told:
        incident.tell(trigger, what, NINE + MINUTE)
        assert only().status == "cancelled"

    at(TEN_PAST)

    assert passed() == []
    reason = f"ended by incident.{what}" if told else f"was {what} when the time had passed"
    assert reason in only().reason


def test_only_resolving_ends_the_time_to_resolve(connection: Connection, incident: Incident) -> None:
    trigger = overdue(connection, NOT_RESOLVED)
    incident.tell(trigger, "triggered", NINE)
    incident.change(NINE + MINUTE, status="acknowledged")
    incident.tell(trigger, "acknowledged", NINE + MINUTE)

    at(TEN_PAST)

    (event,) = passed()
    assert (event["event_type"], event["data"]["status"]) == ("incident.not_resolved", "acknowledged")


def test_a_delivery_that_comes_hours_late_passes_at_once(trigger: Trigger, incident: Incident) -> None:
    incident.tell(trigger, "triggered", NINE, arrives=NINE + 5 * HOUR)

    (event,) = passed()
    assert event["data"]["deadline"]["due_at"] == "2026-11-30T09:10:00.000000Z"
    assert event["data"]["deadline"]["checked_at"] == "2026-11-30T14:00:00.000000Z"


def test_a_delivery_that_was_recovered_counts_from_the_change(trigger: Trigger, incident: Incident) -> None:
    incident.tell(trigger, "triggered", NINE, arrives=NINE + 4 * MINUTE, recovered=NINE - HOUR)

    assert only().due_at == TEN_PAST
    trigger.refresh_from_db()
    at(TEN_PAST)
    assert len(passed()) == 1
    trigger.refresh_from_db()
    assert trigger.confirmed_at is None, "an event of our own proves no webhook"


def test_a_clock_of_pagerduty_s_that_is_ahead_does_not_count(trigger: Trigger, incident: Incident) -> None:
    incident.tell(trigger, "triggered", NINE + HOUR, arrives=NINE)

    assert only().due_at == TEN_PAST


def test_changes_count_in_their_own_order_whatever_the_order_of_deliveries(
    trigger: Trigger, incident: Incident
) -> None:
    incident.tell(trigger, "triggered", NINE)
    incident.tell(trigger, "acknowledged", NINE + 2 * MINUTE)
    incident.tell(trigger, "unacknowledged", NINE + MINUTE, arrives=NINE + 3 * MINUTE)
    assert only().status == "cancelled"

    incident.tell(trigger, "unacknowledged", NINE + 4 * MINUTE)
    incident.tell(trigger, "acknowledged", NINE + 2 * MINUTE + A_MOMENT, arrives=NINE + 5 * MINUTE)

    assert (only().status, only().due_at) == ("open", NINE + 14 * MINUTE)


@pytest.mark.parametrize(
    ("what", "again", "anew"),
    [
        (NOT_ACKNOWLEDGED, "unacknowledged", True),
        (NOT_ACKNOWLEDGED, "reopened", True),
        (NOT_RESOLVED, "reopened", True),
        (NOT_RESOLVED, "unacknowledged", False),
    ],
)
def test_an_incident_that_is_triggered_again_begins_it_anew(
    connection: Connection, incident: Incident, what: str, again: str, anew: bool
) -> None:
    """But it was not resolved before its acknowledgement ended, so the time to resolve goes on."""
    trigger = overdue(connection, what)
    incident.tell(trigger, "triggered", NINE)
    at(TEN_PAST)
    assert len(passed()) == 1

    incident.tell(trigger, again, NINE + 20 * MINUTE)
    at(NINE + 30 * MINUTE - A_MOMENT)
    assert len(passed()) == 1
    at(NINE + 30 * MINUTE)

    assert len(passed()) == 1 + anew
    assert Deadline.objects.count() == 1


def test_the_first_that_is_heard_of_an_incident_may_be_the_end_of_its_acknowledgement(
    connection: Connection, incident: Incident
) -> None:
    trigger = overdue(connection, NOT_RESOLVED)
    incident.tell(trigger, "unacknowledged", NINE)

    assert only().due_at == TEN_PAST


@pytest.mark.parametrize(("what", "status"), [(NOT_ACKNOWLEDGED, "acknowledged"), (NOT_RESOLVED, "resolved")])
def test_what_no_delivery_told_of_is_read_from_the_log_and_nothing_passes_early(
    connection: Connection, incident: Incident, what: str, status: str
) -> None:
    trigger = overdue(connection, what)
    incident.tell(trigger, "triggered", NINE)
    incident.change(NINE + 3 * MINUTE, status=status)
    incident.change(NINE + 5 * MINUTE, status="triggered")

    at(TEN_PAST)
    assert (passed(), only().status, only().due_at) == ([], "open", NINE + 15 * MINUTE)
    at(NINE + 15 * MINUTE - A_MOMENT)
    assert passed() == []
    at(NINE + 15 * MINUTE)

    assert passed()[0]["data"]["deadline"]["since"] == "2026-11-30T09:05:00.000000Z"


def test_a_long_log_is_read_to_its_end(trigger: Trigger, incident: Incident, sandbox: Sandbox) -> None:
    incident.tell(trigger, "triggered", NINE)
    incident.change(NINE + 3 * MINUTE, status="acknowledged")
    incident.change(NINE + 5 * MINUTE, status="triggered")
    with time_machine.travel(NINE + 6 * MINUTE, tick=False):
        note_down(sandbox, incident.id, 220)

    at(TEN_PAST)

    assert (passed(), only().status, only().due_at) == ([], "open", NINE + 15 * MINUTE)


def test_service_and_team_are_compared_when_it_begins_urgency_and_priority_when_it_passes(
    connection: Connection, sandbox: Sandbox
) -> None:
    """Priorities are usually set a while after an incident was triggered."""
    of_service, urgent = overdue(connection, service_ids=["PSVC01"]), overdue(connection, urgencies=["high"])
    raised, lowered = Incident(sandbox, NINE, urgency="low"), Incident(sandbox, NINE)
    for one in (raised, lowered):
        assert one.tell(of_service, "triggered", NINE) == "filtered"
        assert one.tell(urgent, "triggered", NINE) == "accepted"
    raised.change(NINE + MINUTE, urgency="high")
    lowered.change(NINE + MINUTE, urgency="low")

    at(TEN_PAST)

    assert not of_service.deadlines.exists()
    shown = {row.lane: (row.status, row.error) for row in Event.objects.filter(source="deadline")}
    assert shown[raised.id] == ("done", "")
    assert shown[lowered.id] == ("filtered", "urgency low is not among the chosen ones")
    assert dict(urgent.deadlines.values_list("subject", "status")) == {
        raised.id: "passed",
        lowered.id: "cancelled",
    }


def test_what_ends_it_is_not_filtered(connection: Connection, sandbox: Sandbox) -> None:
    trigger = overdue(connection, service_ids=["PSVC00"])
    incident = Incident(sandbox, NINE)
    incident.tell(trigger, "triggered", NINE)

    moved = incident.tell(trigger, "acknowledged", NINE + MINUTE, service={"id": "PSVC01"})

    assert moved == "accepted"
    assert only().status == "cancelled"


@pytest.mark.parametrize("how", ["paused", "deleted", "revoked"])
def test_a_trigger_that_ends_ends_its_deadlines_for_good(
    trigger: Trigger, incident: Incident, connection: Connection, how: str
) -> None:
    incident.tell(trigger, "triggered", NINE)
    with time_machine.travel(NINE + MINUTE, tick=False):
        if how == "paused":
            for status in ("paused", "active"):
                lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": status})
        elif how == "deleted":
            lifecycle.delete(actor=SYSTEM, trigger=trigger)
        else:
            revoke(actor=SYSTEM, connection=connection)

    at(TEN_PAST)

    assert passed() == []
    assert (only().status, only().ended_at) == ("cancelled", NINE + MINUTE)
    assert how in only().reason


def test_a_paused_trigger_begins_none(trigger: Trigger, incident: Incident) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "paused"})

    assert incident.tell(trigger, "triggered", NINE) == "ignored"
    assert not Deadline.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "passed"},
        {"status": "later", "next_attempt_at": None, "ended_at": NINE},
        {"next_attempt_at": None},
        {"due_at": NINE},
        {"lease_until": NINE},
        {"trouble": {"code": "x"}},
    ],
)
def test_the_database_refuses_rows_that_contradict_themselves(
    trigger: Trigger, incident: Incident, wrong: dict[str, Any]
) -> None:
    incident.tell(trigger, "triggered", NINE)

    with pytest.raises(IntegrityError), transaction.atomic():
        Deadline.objects.update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deadline.objects.create(
            trigger=trigger,
            subject=incident.id,
            since=NINE,
            told_at=NINE,
            due_at=TEN_PAST,
            next_attempt_at=TEN_PAST,
        )
