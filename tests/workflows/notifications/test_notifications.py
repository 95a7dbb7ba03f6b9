"""What fails around a workflow reaches people: in the transaction in which it fails, at no cost where it does not."""

from datetime import timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.db import connection as database
from django.utils import timezone

from connections.models import Connection, Membership, Notification, NotificationFact, User
from connections.signals import connection_revoked
from tests.factories import API, SYSTEM, add_note, incident_event, publish
from tests.support.notified import tell
from workflows import worker
from workflows.engine import executor, fanout
from workflows.models import Event, Hook, HookDelivery, Run, Trigger, Workflow
from workflows.notifications import facts
from workflows.outgoing import attempt as one
from workflows.outgoing.transport.http import Outcome
from workflows.runs import parking, replay
from workflows.triggers import lifecycle, test_events

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(connection: Connection) -> None:
    """An owner and an admin, who get email as their roles do by default, and a member, who gets none."""
    for name, role in (("alice", "owner"), ("dora", "admin"), ("bob", "member")):
        user = User.objects.create_user(f"{name}@{name}.example")
        Membership.objects.create(account=connection.workspace.account, user=user, role=role)


def refuse_notes(pagerduty: responses.RequestsMock) -> None:
    error = {"message": "Invalid Input Provided", "code": 2001, "errors": ["Content is too long."]}
    pagerduty.post(f"{API}/incidents/PINC1/notes", status=400, json={"error": error})


def test_failed_runs_of_a_workflow_are_one_notification_with_reason_and_next_click(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    refuse_notes(pagerduty)
    for _ in range(3):
        deliver(incident_event())
    worker.drain()

    assert list(Run.objects.values_list("status", flat=True)) == ["failed"] * 3
    assert NotificationFact.objects.count() == 3
    assert tell() == []  # an hourly summary, as it is by default
    notification = Notification.objects.get()
    assert (notification.title, notification.count) == ("Workflow failed: Note", 3)
    assert notification.reason.startswith("Step note: ")
    assert "Content is too long" in notification.reason
    assert notification.path == f"/runs/{Run.objects.order_by('-seq')[0].id}/"
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        sent = tell()
    assert {message.to[0] for message in sent} == {"alice@alice.example", "dora@dora.example"}
    assert "Workflow failed: Note (3 times)" in sent[0].body


def statements(deliver: Any) -> list[str]:
    """What one event and its run ask of the tables of notifications."""
    seen: list[str] = []

    def look(execute: Any, sql: Any, *args: Any) -> Any:
        seen.append(str(sql))
        return execute(sql, *args)

    deliver(incident_event())
    with database.execute_wrapper(look):
        worker.drain()
    assert seen
    return [sql for sql in seen if "connections_notification" in sql]


def test_a_run_that_succeeds_costs_nothing_and_one_that_fails_at_most_a_statement(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    assert statements(deliver) == []
    pagerduty.reset()
    refuse_notes(pagerduty)

    (written,) = statements(deliver)
    # On PostgreSQL it is part of the statement that ends the run.
    assert ("UPDATE" in written) == (database.vendor == "postgresql")
    assert Run.objects.filter(status="failed").count() == 1


def test_a_run_that_was_taken_over_is_not_told_of(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_notes(pagerduty)
    end = executor.Walk._end

    def taken_over(walk: Any, *args: Any, **kwargs: Any) -> None:
        Run.objects.update(lease_holder=None)
        end(walk, *args, **kwargs)

    monkeypatch.setattr(executor.Walk, "_end", taken_over)
    deliver(incident_event())
    worker.drain()
    assert not NotificationFact.objects.exists()


def test_runs_that_end_with_their_connection_are_told_of(
    deliver: Any, note_workflow: Workflow, connection: Connection
) -> None:
    deliver(incident_event())
    Connection.objects.update(status="error")
    worker.drain()
    assert Run.objects.get().status == "paused"
    Connection.objects.update(status="revoked", revoked_at=timezone.now())
    connection.refresh_from_db()
    connection_revoked.send(sender=Connection, connection=connection)

    tell()
    assert [row.reason for row in Notification.objects.filter(kind="run_failed")] == [
        "Step note: The connection was revoked."
    ]


def test_a_workflow_that_its_limit_pauses_is_told_of_once(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    workflow = publish(trigger, connection)
    Workflow.objects.update(max_runs_per_minute=2)
    for _ in range(5):
        deliver(incident_event())
    worker.drain()

    assert Workflow.objects.get().pause_reason == "safety"
    sent = tell()
    assert {message.subject for message in sent} == {"Workflow paused (safety limit): Note"}
    assert f"/workflows/{workflow.pk}/" in sent[0].body
    assert Notification.objects.get().count == 1


def test_a_message_that_an_outgoing_webhook_did_not_take_is_told_of(deliver: Any, trigger: Trigger) -> None:
    hook = Hook.objects.create(
        workspace=trigger.workspace, name="Ledger", url="https://ledger.example/", events=True
    )
    deliver(incident_event())
    dying = HookDelivery.objects.get()
    HookDelivery.objects.create(workspace=trigger.workspace, hook=hook, lane="L", kind="test")
    long_ago = timezone.now() - timedelta(days=9)
    HookDelivery.objects.update(attempts=9, first_tried_at=long_ago)
    for delivery in HookDelivery.objects.select_related("hook"):
        claimed = one.claim(delivery)
        assert claimed is not None
        one.settle(claimed, Outcome(503, "status", 0.1))
    dying.refresh_from_db()
    assert dying.status == "dead"

    sent = tell()
    assert sent[0].subject == "Outgoing webhook failing: Ledger"
    assert "10 attempts: 503" in sent[0].body
    assert f"/settings/hooks/{hook.pk}/deliveries/{dying.id}/" in sent[0].body
    assert Notification.objects.get().count == 1

    facts.hook_paused(hook, "It answered 410: the endpoint is gone.")
    assert tell()[0].subject == "Outgoing webhook paused: Ledger"


def test_a_run_on_a_test_event_notifies_no_one(
    connection: Connection, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    """Whichever way it ends, and when its failed step is tried again too."""
    error = {"message": "Invalid Input Provided", "code": 2001}
    pagerduty.post(f"{API}/incidents/PSAMPLE1/notes", status=400, json={"error": error})
    event = lifecycle.send_test(actor=SYSTEM, trigger=note_workflow.trigger)
    run = test_events.start(actor=SYSTEM, event=event, workflow=note_workflow)
    worker.drain()
    replay.replay(actor=SYSTEM, run=run)
    worker.drain()
    assert list(Run.objects.values_list("status", flat=True)) == ["failed"] * 2
    replay.replay(actor=SYSTEM, run=run)
    Run.objects.filter(status="pending").update(status="paused")
    parking.fail_revoked(Run.objects.filter(status="paused"))

    assert list(Run.objects.values_list("status", flat=True)) == ["failed"] * 3
    assert not NotificationFact.objects.exists()


def test_a_delivery_that_is_given_up_is_told_of(
    deliver: Any, note_workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(fanout, "fields_of", broken)
    event = deliver(incident_event())
    for _ in range(fanout.MAX_ATTEMPTS):
        assert not NotificationFact.objects.exists()
        worker.drain()
        Event.objects.update(lease_until=None)

    sent = tell()
    failed = Event.objects.get()
    assert (failed.status, Notification.objects.get().kind) == ("failed", "event_failed")
    assert Notification.objects.get().path == f"/triggers/{failed.trigger_id}/deliveries/{failed.id}/"
    assert "ZeroDivisionError" in sent[0].body
    assert event is not None


def test_a_delivery_that_stops_each_worker_is_told_of(deliver: Any, note_workflow: Workflow) -> None:
    deliver(incident_event())
    Event.objects.update(attempts=fanout.MAX_ATTEMPTS)
    worker.drain()

    tell()
    assert Event.objects.get().status == "failed"
    assert "worker stopped at each attempt" in Notification.objects.get().reason
