"""What is owed, and what becomes of it when a process dies."""

import json
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import Connection, Workspace
from tests.factories import SYSTEM, add_note, incident_event, publish
from tests.support.http_sinks import Sink
from tests.workflows.outgoing.delivery.sending import arrive, send_all, subscribe, titles
from workflows import worker
from workflows.inbox import store
from workflows.models import Event, Hook, HookDelivery, HookSecret, HookSender, Run, Trigger, Workflow
from workflows.outgoing import attempt as delivery
from workflows.outgoing import endpoints, payloads
from workflows.outgoing.transport import http
from workflows.queue import wakeup
from workflows.runs import control, parking

pytestmark = pytest.mark.django_db


class TestWhatIsOwed:
    def test_events_of_one_trigger_alone(
        self, workspace: Workspace, trigger: Trigger, connection: Connection, server: Sink
    ) -> None:
        from workflows.triggers import lifecycle

        other = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Other"
        )
        subscribe(workspace, server.url, trigger=trigger)
        arrive(other, "PA", 0)
        assert not HookDelivery.objects.exists()
        arrive(trigger, "PA", 1)
        assert HookDelivery.objects.count() == 1

    def test_what_a_trigger_does_not_fire_on_is_told_to_nobody(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        store.store(trigger, body=json.dumps(incident_event("incident.resolved")).encode())
        assert Event.objects.get().status == "ignored"
        assert not HookDelivery.objects.exists()

    def test_a_repeat_is_owed_once(self, workspace: Workspace, trigger: Trigger, server: Sink) -> None:
        subscribe(workspace, server.url)
        body = json.dumps(incident_event()).encode()
        for _ in range(3):
            store.store(trigger, body=body)
        assert HookDelivery.objects.count() == 1

    def test_it_is_owed_in_the_transaction_of_the_event(
        self, workspace: Workspace, trigger: Trigger, server: Sink, monkeypatch: Any
    ) -> None:
        subscribe(workspace, server.url)

        def breaks() -> None:
            raise RuntimeError

        monkeypatch.setattr(wakeup, "wake_workers", breaks)
        with pytest.raises(RuntimeError):
            arrive(trigger, "PA", 0)
        assert not Event.objects.exists()
        assert not HookDelivery.objects.exists()

    def test_a_completed_run_with_its_results(
        self,
        workspace: Workspace,
        trigger: Trigger,
        note_workflow: Workflow,
        server: Sink,
        settings: Any,
    ) -> None:
        subscribe(workspace, server.url, events=True, runs=True)
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mock.get(
                f"{settings.PAGERDUTY_API_URL}/users",
                json={
                    "users": [{"id": "PUSER", "type": "user", "email": "dana@acme.example"}],
                    "limit": 100,
                    "offset": 0,
                    "more": False,
                    "total": None,
                },
            )
            add_note(mock)
            arrive(trigger, "PINC1", 0)
            worker.drain()
        send_all()

        event, run = (message for _, message in server.took)
        assert (event["type"], run["type"]) == ("event.received", "run.completed")
        assert run["data"]["id"] == str(Run.objects.get().id)
        assert run["data"]["steps"][0]["output"]["note"]["id"] == "PNOTE1"

    def test_a_failed_a_cancelled_and_a_revoked_run(
        self, workspace: Workspace, trigger: Trigger, connection: Connection, server: Sink
    ) -> None:
        subscribe(workspace, server.url, events=False, runs=True)
        publish(trigger, connection)
        for number in range(3):
            arrive(trigger, f"P{number}", 0)
        from workflows.engine import fanout

        fanout.fan_out_due()
        cancelled, revoked, failed = Run.objects.order_by("seq")
        control.cancel(actor=SYSTEM, run=cancelled)
        Run.objects.filter(pk=revoked.pk).update(status="paused", blocked_on=connection)
        revoked.refresh_from_db()
        parking.fail_revoked([revoked])
        Run.objects.filter(pk=failed.pk).update(claims=8)
        worker.drain()
        send_all()

        told = {message["data"]["id"]: message["type"] for _, message in server.took}
        assert told == {
            str(cancelled.id): "run.cancelled",
            str(revoked.id): "run.failed",
            str(failed.id): "run.failed",
        }

    def test_a_result_that_is_too_long_is_told_without_its_outputs(
        self, workspace: Workspace, trigger: Trigger, note_workflow: Workflow, server: Sink, monkeypatch: Any
    ) -> None:
        subscribe(workspace, server.url, events=False, runs=True)
        monkeypatch.setattr(payloads, "MOST_BYTES", 100)
        arrive(trigger, "PA", 0)
        from workflows.engine import fanout

        fanout.fan_out_due()
        run = Run.objects.get()
        run.steps.create(position=0, key="note", action="x/y", status="completed")
        control.cancel(actor=SYSTEM, run=run)
        send_all()
        assert server.took[0][1]["data"]["steps"][0]["cut"] is True

    def test_a_paused_hook_is_sent_what_happened_meanwhile_when_it_is_resumed(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        hook, _ = subscribe(workspace, server.url)
        endpoints.change(actor=SYSTEM, hook=hook, changes={"status": "paused"})
        arrive(trigger, "PA", 0)
        arrive(trigger, "PA", 1)
        assert worker.send_hooks() == 0
        endpoints.change(actor=SYSTEM, hook=hook, changes={"status": "active"})
        send_all()
        assert titles(server, "PA") == ["PA 0", "PA 1"]

    def test_a_deleted_hook_is_sent_nothing_and_its_secret_is_gone(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        hook, _ = subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        endpoints.delete(actor=SYSTEM, hook=hook)
        arrive(trigger, "PA", 1)
        send_all()
        assert server.asked == []
        assert [row.status for row in HookDelivery.objects.all()] == ["cancelled"]
        assert not HookSecret.objects.exists()


class TestWhenAProcessDies:
    def test_what_it_had_claimed_is_sent_again_under_the_same_id(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        arrive(trigger, "PA", 1)
        first = HookDelivery.objects.order_by("seq").select_related("hook").first()
        assert first is not None
        assert delivery.claim(first)
        assert worker.send_hooks() == 0  # the second one waits for the first

        HookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        send_all()

        assert titles(server, "PA") == ["PA 0", "PA 1"]

    def test_one_that_kills_its_sender_each_time_ends(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        HookDelivery.objects.update(
            attempts=10,
            first_tried_at=timezone.now() - timedelta(days=4),
            lease_until=timezone.now() - timedelta(seconds=1),
        )
        send_all()
        row = HookDelivery.objects.get()
        assert (row.status, row.tries[-1]["error"]) == ("dead", "crashed")
        assert server.asked == []

    def test_another_sender_takes_over_when_the_lease_is_over(
        self, workspace: Workspace, trigger: Trigger, server: Sink, settings: Any
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        HookSender.objects.create(
            name=settings.NODE_NAME,
            holder="00000000-0000-0000-0000-000000000001",
            until=timezone.now() + timedelta(seconds=30),
        )
        assert worker.send_hooks() == 0
        HookSender.objects.update(until=timezone.now() - timedelta(seconds=1))
        assert worker.send_hooks() == 1

    def test_a_late_answer_changes_nothing_of_what_another_sender_has(
        self, workspace: Workspace, trigger: Trigger, server: Sink
    ) -> None:
        subscribe(workspace, server.url)
        arrive(trigger, "PA", 0)
        row = HookDelivery.objects.select_related("hook").get()
        claimed = delivery.claim(row)
        assert claimed
        HookDelivery.objects.update(lease_holder="00000000-0000-0000-0000-000000000001")
        delivery.settle(claimed, http.Outcome(200, "", 0.1))
        row.refresh_from_db()
        assert row.status == "waiting"


def test_the_log_forgets_what_is_old(workspace: Workspace, trigger: Trigger, server: Sink) -> None:
    subscribe(workspace, server.url)
    for number in range(6):
        arrive(trigger, f"P{number}", 0)
    rows = list(HookDelivery.objects.order_by("seq"))
    ages = [
        ("delivered", 31),
        ("delivered", 29),
        ("dead", 31),
        ("dead", 91),
        ("cancelled", 31),
        ("waiting", 31),
    ]
    for row, (status, days) in zip(rows, ages, strict=True):
        at = timezone.now() - timedelta(days=days)
        HookDelivery.objects.filter(pk=row.pk).update(
            status=status, created_at=at, finished_at=None if status == "waiting" else at
        )
    Hook.objects.update(status="paused")

    worker.housekeeping()

    assert sorted(HookDelivery.objects.values_list("status", flat=True)) == ["dead", "dead", "delivered"]
