"""The check of a passed deadline: crashes, races, a provider that does not answer, and what people are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from connections.models import Connection, NotificationFact
from connections.signals import connection_restored
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import People, list_step, publish
from tests.support.browser import signed_in, text
from tests.support.consent import consented
from tests.support.deadlines import MINUTE, Incident, at, only, overdue, passed
from tests.support.present import present
from workflows import worker
from workflows.calls import loop_detection
from workflows.deadlines import begin_end, check
from workflows.models import ActionCall, Deadline, Event, Run, Trace, Trigger

pytestmark = pytest.mark.django_db
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
TEN_PAST, SECOND, HOUR = NINE + 10 * MINUTE, timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture
def connection(who: People, sandbox: Sandbox) -> Connection:
    with time_machine.travel(NINE - HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    return overdue(connection)


@pytest.fixture
def incident(sandbox: Sandbox, trigger: Trigger) -> Incident:
    """It was triggered at nine, and a delivery said so."""
    made = Incident(sandbox, NINE)
    made.tell(trigger, "triggered", NINE)
    return made


def fault(sandbox: Sandbox, kind: str = "status", times: int = 1, **more: Any) -> None:
    sandbox.faults.add([{"kind": kind, "path": "^/incidents/", "method": "GET", "times": times, **more}])


# Crashes and races.


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_a_crash_at_any_place_doubles_and_loses_nothing(
    incident: Incident, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the answer in hand, with the event stored and the row not, and with both."""
    settle = check._settle

    def killed(*args: Any) -> None:
        if place == "after":
            settle(*args)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(check, "_release_ended" if place == "between" else "_settle", killed)
        with pytest.raises(SystemExit):
            at(TEN_PAST)
    assert len(passed()) == (place == "after")
    at(TEN_PAST + 10 * SECOND)
    assert len(passed()) == (place == "after"), "its lease has not run out yet"

    at(TEN_PAST + 2 * MINUTE)

    assert (len(passed()), only().status) == (1, "passed")


def test_a_fault_of_ours_is_seen_and_tried_again(
    incident: Incident, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("our own fault")

    with monkeypatch.context() as patch:
        patch.setattr(check, "_ask", broken)
        at(TEN_PAST)
    row = only()
    assert (present(row.trouble)["code"], row.trouble_since, row.lease_until) == (
        "internal_error",
        TEN_PAST,
        None,
    )

    at(present(row.next_attempt_at))

    assert (len(passed()), only().status) == (1, "passed")


@pytest.mark.parametrize("what", ["acknowledged", "unacknowledged"])
def test_a_delivery_that_overtakes_a_check_wins(
    incident: Incident, trigger: Trigger, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PagerDuty has answered, and before the answer is stored the end of the deadline, or a new one, arrives."""
    ask = check._ask

    def overtaken(*args: Any) -> Any:
        answer = ask(*args)
        incident.tell(trigger, what, TEN_PAST)
        return answer

    monkeypatch.setattr(check, "_ask", overtaken)

    at(TEN_PAST)

    assert (passed(), only().lease_until) == ([], None)
    assert only().status == ("cancelled" if what == "acknowledged" else "open")


def test_one_claim_wins(incident: Incident) -> None:
    first, second = only(), only()

    with time_machine.travel(TEN_PAST, tick=False):
        assert check._claim(first) is not None
        assert check._claim(second) is None


def test_the_same_deadline_is_the_same_event_whatever_becomes_of_the_row(
    incident: Incident, trigger: Trigger
) -> None:
    at(TEN_PAST)
    Deadline.objects.update(status="open", next_attempt_at=TEN_PAST, ended_at=None)

    at(TEN_PAST + MINUTE)

    assert len(passed()) == 1


def test_the_watchdog_knows_when_one_is_due(incident: Incident) -> None:
    for moment, due in ((TEN_PAST - SECOND, False), (TEN_PAST, True)):
        with time_machine.travel(moment, tick=False):
            assert worker.anything_due() is due


# Trouble.


def test_a_pagerduty_that_does_not_answer_is_asked_again_ever_more_rarely(
    incident: Incident, sandbox: Sandbox, trigger: Trigger, who: People
) -> None:
    fault(sandbox, status=503, times=3)
    moment = TEN_PAST
    for attempts in (1, 2, 3):
        at(moment)
        row = only()
        assert (row.attempts, row.trouble_since) == (attempts, TEN_PAST)
        assert present(row.trouble)["code"] == "provider_error"
        assert moment < present(row.next_attempt_at) <= moment + 2**attempts * SECOND
        moment = present(row.next_attempt_at)
    page = text(signed_in(who.bob).get(f"/triggers/{trigger.pk}/"))
    assert "Passed deadlines could not be checked in PagerDuty" in page
    assert "Not checked since" in page

    at(moment)

    assert (len(passed()), only().trouble, only().trouble_since) == (1, None, None)


def test_it_waits_for_as_long_as_pagerduty_asks(incident: Incident, sandbox: Sandbox) -> None:
    fault(sandbox, "rate_limit", retry_after="40")
    at(TEN_PAST)

    assert passed() == []
    assert present(only().next_attempt_at) >= TEN_PAST + 40 * SECOND
    at(present(only().next_attempt_at) + SECOND)
    assert len(passed()) == 1


def test_an_incident_that_is_gone_ends_it_quietly(incident: Incident, sandbox: Sandbox) -> None:
    sandbox.incidents.delete("PACME01", incident.id)

    at(TEN_PAST)

    assert (only().status, only().reason) == ("cancelled", "The incident no longer exists.")
    assert not NotificationFact.objects.exists()


def test_people_are_notified_once_if_it_lasts(incident: Incident, sandbox: Sandbox, trigger: Trigger) -> None:
    second = Incident(sandbox, NINE)
    second.tell(trigger, "triggered", NINE)
    fault(sandbox, status=500, times=100)
    moment = TEN_PAST
    for _ in range(8):
        at(moment)
        moment = max(row.next_attempt_at for row in Deadline.objects.all() if row.next_attempt_at)

    fact = NotificationFact.objects.get()
    assert (fact.kind, fact.data["path"]) == ("deadlines_in_trouble", f"/triggers/{trigger.pk}/")


def test_a_connection_that_has_to_be_reconnected_is_waited_for_and_then_it_passes(
    incident: Incident, connection: Connection, trigger: Trigger, who: People
) -> None:
    Connection.objects.update(status="error")
    for moment in (TEN_PAST, TEN_PAST + HOUR):
        at(moment)
        assert (only().attempts, present(only().trouble)["code"]) == (0, "reconnection_needed")
    assert not NotificationFact.objects.exists()
    words = f"Deadlines that pass are checked when {connection.label} is reconnected."
    assert words in text(signed_in(who.bob).get(f"/triggers/{trigger.pk}/"))

    Connection.objects.update(status="active")
    with time_machine.travel(TEN_PAST + HOUR + MINUTE, tick=False):
        connection.refresh_from_db()
        connection_restored.send(sender=Connection, connection=connection)
        worker.drain()

    assert len(passed()) == 1


def test_what_could_not_be_checked_for_a_week_is_given_up_and_what_ended_is_deleted_later(
    incident: Incident,
) -> None:
    Connection.objects.update(status="error")
    at(TEN_PAST)
    for days, status in ((6, "open"), (8, "cancelled"), (30, "cancelled"), (39, None)):
        with time_machine.travel(TEN_PAST + timedelta(days=days), tick=False):
            check.prune()
        assert Deadline.objects.values_list("status", flat=True).first() == status


# Bounds.


def test_a_trigger_has_so_many_open_and_the_next_is_left_out_with_a_notice(
    sandbox: Sandbox, trigger: Trigger, who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deadline, "MOST", 2)
    made = [Incident(sandbox, NINE) for _ in range(3)]
    for one in made:
        one.tell(trigger, "triggered", NINE)

    assert {row.subject for row in Deadline.objects.all()} == {made[0].id, made[1].id}
    left_out = Event.objects.get(lane=made[2].id)
    words = "This trigger has 2 open deadlines already, so no further one was begun."
    assert (left_out.status, left_out.error) == ("filtered", words)
    assert NotificationFact.objects.get().data["reason"] == words
    assert "2 deadlines are open, which is the most" in text(
        signed_in(who.bob).get(f"/triggers/{trigger.pk}/")
    )
    made[0].tell(trigger, "unacknowledged", NINE + MINUTE)
    made[0].tell(trigger, "resolved", NINE + 2 * MINUTE)
    made[2].tell(trigger, "unacknowledged", NINE + 3 * MINUTE)
    assert {row.subject for row in Deadline.objects.open()} == {made[1].id, made[2].id}


# Loops.


def test_a_chain_of_runs_goes_on_through_a_deadline(
    sandbox: Sandbox, trigger: Trigger, connection: Connection
) -> None:
    """A run opened the incident that is not acknowledged: its workflow does not start again, others do."""
    own, other = (publish(trigger, connection, steps=[list_step(connection)]) for _ in range(2))
    first = Incident(sandbox, NINE)
    first.tell(trigger, "triggered", NINE)
    at(TEN_PAST)
    run = Run.objects.get(workflow=own)
    second = Incident(sandbox, TEN_PAST)
    call = ActionCall.objects.first()
    trace = Trace.objects.create(
        account=loop_detection.account_of(connection),
        subject=f"incident:{second.id}",
        kind="incident.triggered",
        depth=0,
        run=run,
        call=present(call),
        first_at=TEN_PAST,
        last_at=TEN_PAST,
    )
    second.tell(trigger, "triggered", TEN_PAST)
    assert Deadline.objects.get(subject=second.id).cause == trace
    with time_machine.travel(TEN_PAST + timedelta(days=4), tick=False):
        assert loop_detection.prune() == 0, "an open deadline goes back to it"

    at(TEN_PAST + 10 * MINUTE)

    event = Event.objects.get(source=Event.DEADLINE, lane=second.id)
    assert event.not_started == [{"workflow": str(own.pk), "code": "already_in_chain"}]
    assert [(row.workflow, row.depth, row.origin) for row in event.runs.all()] == [(other, 1, run)]
    assert begin_end.cause_of(event) == trace
