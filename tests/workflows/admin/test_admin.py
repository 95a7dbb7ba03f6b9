"""Support staff at triggers, events, workflows, runs and calls in the Django admin."""

import json
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse

from connections.connecting.revoke import revoke
from connections.models import AuditEvent, Connection, User
from tests.connections.admin.staff import act, page_of, staff
from tests.factories import SECRET, SYSTEM, add_note, incident_event
from tests.support.present import present
from workflows import worker
from workflows.engine import fanout
from workflows.inbox import secrets
from workflows.models import ActionCall, Event, Run, Trigger, Workflow
from workflows.triggers import lifecycle

TRIGGERS = reverse("admin:workflows_trigger_changelist")
EVENTS = reverse("admin:workflows_event_changelist")
WORKFLOWS = reverse("admin:workflows_workflow_changelist")


@pytest.fixture
def support(db: None) -> Client:
    return staff(User.objects.create_user("sam@taskjuice.example"), "Support")


def failed(trigger: Trigger, number: int = 1, body: bytes = b"{}") -> Event:
    return Event.objects.create(
        workspace=trigger.workspace, trigger=trigger, external_id=f"E{number}", lane="PINC1",
        event_type="incident.triggered", body=body, status="failed", attempts=5, error="ValueError",
    )  # fmt: skip


# --- what is shown -----------------------------------------------------------------------------------------
def test_no_page_shows_a_signing_secret_or_the_incoming_url(
    support: Client, trigger: Trigger, deliver: Any
) -> None:
    deliver(incident_event())
    secret = trigger.secrets.get()

    for path in (TRIGGERS, page_of(trigger), EVENTS, page_of(Event.objects.get())):
        page = support.get(path).content.decode()
        for hidden in (SECRET, SECRET[:12], secret.secret, secret.secret[-12:], str(trigger.token)):
            assert hidden not in page


def test_a_triggers_page_says_when_its_secrets_signed_and_how_much_it_holds(
    support: Client, connection: Connection, client: Client
) -> None:
    made = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
    )
    headers = {"X-PagerDuty-Signature": "v1=0123456789"}
    client.post(
        f"/hooks/pagerduty/{made.token}", b"held body", content_type="application/json", headers=headers
    )

    page = support.get(page_of(made)).content.decode()

    assert "Held deliveries" in page
    assert '<div class="readonly">1</div>' in page
    assert "held body" not in page
    assert "0123456789" not in page
    secrets.add_secret(actor=SYSTEM, trigger=made, secret=SECRET)
    assert "Last seen at" in support.get(page_of(made)).content.decode()


def test_a_pasted_url_finds_its_trigger(support: Client, trigger: Trigger) -> None:
    assert page_of(trigger) in support.get(f"{TRIGGERS}?q={trigger.token}").content.decode()


def test_an_event_is_shown_as_json_however_large_it_is(support: Client, trigger: Trigger) -> None:
    small = failed(trigger, 1, json.dumps({"title": "<b>Payments</b>", "amount": "5 €"}).encode())
    large = failed(trigger, 2, json.dumps({"text": "x" * 250_000}).encode())
    strange = [b"\xff\x00 no JSON", b'{"a": "\\ud83d\\u0000"}', b'{"a": NaN}', b"[" * 900 + b"]" * 900]

    page = support.get(page_of(small)).content.decode()
    assert "&quot;title&quot;: &quot;&lt;b&gt;Payments" in page
    assert "5 €" in page
    page = support.get(page_of(large)).content.decode()
    assert "truncated" in page
    assert len(page) < 150_000
    for number, body in enumerate(strange, start=3):
        assert support.get(page_of(failed(trigger, number, body))).status_code == 200


def test_a_run_leads_to_its_steps_and_their_calls(
    support: Client, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    deliver(incident_event())
    worker.drain()
    run, call = Run.objects.get(), ActionCall.objects.get()

    assert page_of(call) in support.get(page_of(run)).content.decode()
    page = support.get(page_of(call)).content.decode()
    assert "Runbook for Payments are slow" in page
    assert "PNOTE1" in page
    assert page_of(run) in support.get(f"/admin/workflows/run/?q={run.id}").content.decode()


def test_a_call_says_what_was_there_before_it_was_sent(
    support: Client, note_workflow: Workflow, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    deliver(incident_event())
    worker.drain()
    call = ActionCall.objects.get()
    assert "There before it was sent" in support.get(page_of(call)).content.decode()

    ActionCall.objects.update(baseline={"log_entries": ["R<b>1"] + ["R" * 20] * 20_000})
    page = support.get(page_of(call)).content.decode()

    assert "R&lt;b&gt;1" in page
    assert "truncated" in page
    assert "<textarea" not in page


def test_a_run_says_what_it_waits_for(support: Client, note_workflow: Workflow, deliver: Any) -> None:
    for _ in range(2):
        deliver(incident_event())
        fanout.fan_out_due()
    first, second = Run.objects.order_by("seq")

    assert "Waiting for a worker" in support.get(page_of(first)).content.decode()
    assert "Waiting for an earlier run of this incident" in support.get(page_of(second)).content.decode()
    Run.objects.update(status="completed")
    assert "Waiting for a worker" not in support.get(page_of(first)).content.decode()


def test_nothing_is_changed_by_hand(support: Client, note_workflow: Workflow) -> None:
    for row in (note_workflow, note_workflow.trigger, failed(note_workflow.trigger)):
        assert support.post(page_of(row), {}).status_code == 403
        assert support.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403


# --- what is done --------------------------------------------------------------------------------------------
def test_a_paused_trigger_starts_nothing_until_it_is_resumed(
    support: Client, trigger: Trigger, deliver: Any
) -> None:
    assert "1 paused." in act(support, TRIGGERS, "pause", trigger)
    deliver(incident_event())
    assert Event.objects.get().status == "ignored"

    assert "1 resumed." in act(support, TRIGGERS, "resume", trigger)
    deliver(incident_event())

    assert present(Event.objects.first()).status == "queued"
    acts = AuditEvent.objects.filter(action="trigger.changed").order_by("created_at")
    assert [(event.actor_kind, event.detail) for event in acts] == [
        ("support", {"trigger": trigger.name, "status": "paused"}),
        ("support", {"trigger": trigger.name, "status": "active"}),
    ]


def test_pausing_says_what_it_left_alone(
    support: Client, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    other = lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Paused before")
    lifecycle.change(actor=SYSTEM, trigger=other, changes={"status": "paused"})

    answer = act(support, TRIGGERS, "pause", trigger, other)
    assert "1 paused." in answer
    assert "1 skipped: only what is active can be paused." in answer

    revoke(actor=SYSTEM, connection=connection)
    assert "0 resumed." in act(support, TRIGGERS, "resume", trigger, other)
    assert set(Trigger.objects.values_list("status", flat=True)) == {"closed"}


def test_a_workflow_is_paused_and_resumed(support: Client, note_workflow: Workflow) -> None:
    assert "1 paused." in act(support, WORKFLOWS, "pause", note_workflow)
    note_workflow.refresh_from_db()
    assert note_workflow.status == "paused"

    assert "1 resumed." in act(support, WORKFLOWS, "resume", note_workflow)

    note_workflow.refresh_from_db()
    assert note_workflow.status == "active"
    found = AuditEvent.objects.filter(action__in=["workflow.paused", "workflow.active"])
    assert {event.actor_kind for event in found} == {"support"}
    assert len(found) == 2


def test_a_failed_event_gets_another_round_and_the_rest_is_left_alone(
    support: Client, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    trigger = note_workflow.trigger
    broken = failed(trigger, 1, json.dumps(incident_event()).encode())
    done = failed(trigger, 2)
    Event.objects.filter(pk=done.pk).update(status="done")

    answer = act(support, EVENTS, "requeue", broken, done)
    assert "1 re-queued." in answer
    assert "1 skipped" in answer
    worker.drain()

    broken.refresh_from_db()
    assert (broken.status, Run.objects.get().status) == ("done", "completed")
    event = AuditEvent.objects.get(action="event.requeued")
    assert (event.actor_kind, event.target) == ("support", str(broken.id))


def test_the_buttons_are_on_the_rows_own_page(support: Client, trigger: Trigger) -> None:
    for row, buttons in ((trigger, ["pause", "resume"]), (failed(trigger), ["requeue"])):
        page = support.get(page_of(row)).content.decode()
        for name in buttons:
            assert f'name="action" value="{name}"' in page

    answer = support.post(
        TRIGGERS,
        {"action": "pause", "_selected_action": str(trigger.pk), "index": "0", "from_row": "1"},
    )
    assert answer["Location"] == page_of(trigger)
