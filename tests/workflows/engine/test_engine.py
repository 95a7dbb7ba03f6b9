"""From an accepted event to the finished run: order, retries, waits, crashes, and what people see of them."""

import json
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.utils import timezone

from connections.models import Connection, Grant
from connections.signals import connection_restored, connection_revoked
from tests.factories import API, DANA, SYSTEM, add_note, incident_event, note_step, publish
from tests.support.present import present, text_sent
from tests.support.rate_limits import lift_rate_limits
from workflows import worker
from workflows.authoring import lifecycle
from workflows.engine import executor, fanout
from workflows.inbox import events
from workflows.models import ActionCall, Event, Run, Trigger, Workflow
from workflows.runs import replay

pytestmark = pytest.mark.django_db


def make_everything_due() -> None:
    """Let the waits pass."""
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.filter(status="waiting").update(due_at=past)
    ActionCall.objects.filter(status="waiting").update(next_attempt_at=past)
    lift_rate_limits()


def test_an_event_becomes_a_note_with_the_fields_of_the_incident(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    sent = add_note(pagerduty)
    deliver(incident_event(title="Payments are slow"))

    worker.drain()

    run = Run.objects.get()
    assert run.status == "completed", run.error
    assert sent.call_count == 1
    request = sent.calls[0].request
    assert json.loads(text_sent(request))["note"]["content"] == "Runbook for Payments are slow"
    assert request.headers["From"] == DANA
    step = run.steps.get()
    assert (step.status, present(present(step.call).output)["note"]["id"]) == ("completed", "PNOTE1")


@pytest.mark.parametrize(
    ("last", "ends"),
    [
        (
            {
                "only_if": {
                    "match": "all",
                    "rows": [["trigger.incident.id", "equals", "x"]],
                }
            },
            "skipped",
        ),
        ({"on_error": "continue", "input": {"from": DANA, "incident_id": "PGONE", "content": "x"}}, "failed"),
    ],
    ids=["skipped", "failed"],
)
def test_a_last_step_that_does_nothing_ends_the_run_as_well(
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    last: dict[str, Any],
    ends: str,
) -> None:
    add_note(pagerduty)
    add_note(pagerduty, "PGONE", status=404)
    publish(trigger, connection, steps=[note_step(connection), note_step(connection, key="last", **last)])
    deliver(incident_event())

    worker.drain()

    run = Run.objects.get()
    assert (run.status, run.lease_holder, run.finished_at is None) == ("completed", None, False)
    assert [step.status for step in run.steps.all()] == ["completed", ends]


def test_each_matching_workflow_gets_one_run_and_a_repeat_of_the_event_none(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    first, second = publish(trigger, connection), publish(trigger, connection)
    draft = lifecycle.create(
        actor=SYSTEM, trigger=trigger, name="Draft", definition={"steps": [note_step(connection)]}
    )
    payload = incident_event()
    deliver(payload)
    worker.drain()
    deliver(payload)
    worker.drain()

    assert [run.workflow for run in Run.objects.order_by("seq")] == [first, second]
    assert not draft.runs.exists()


@pytest.mark.parametrize(
    ("conditions", "runs"),
    [
        ({"match": "all", "rows": [["trigger.incident.urgency", "equals", "HIGH"]]}, 1),
        ({"match": "all", "rows": [["trigger.incident.urgency", "equals", "low"]]}, 0),
        ({"match": "any", "rows": [["trigger.incident.urgency", "equals", "low"],
                                   ["trigger.incident.title", "contains", "slow"]]}, 1),
        ({"match": "all", "rows": [["trigger.incident.service.id", "one_of", ["PX", "PSVC1"]]]}, 1),
        ({"match": "all", "rows": [["trigger.incident.nothing", "exists", True]]}, 0),
        ({"match": "all", "rows": [["trigger.incident.title", "greater", 3]]}, 0),
        ({"match": "any", "rows": []}, 1),
    ],
)  # fmt: skip
def test_conditions_decide_whether_a_workflow_runs(
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    conditions: dict[str, Any],
    runs: int,
) -> None:
    add_note(pagerduty)
    publish(trigger, connection, conditions=conditions)
    deliver(incident_event())
    worker.drain()
    assert Run.objects.count() == runs


def test_a_later_step_uses_the_output_of_an_earlier_one(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(
        f"{API}/incidents",
        status=201,
        json={"incident": {"id": "PNEW", "title": "Follow-up", "status": "triggered"}},
    )
    sent = add_note(pagerduty, incident="PNEW")
    create = {
        "key": "create",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident",
        "input": {"from": DANA, "service_id": "PSVC1", "title": "Follow {{ trigger.incident.id }}"},
    }
    note = note_step(connection)
    note["input"] |= {"incident_id": "{{ steps.create.incident.id }}"}
    publish(trigger, connection, steps=[create, note])
    deliver(incident_event())

    worker.drain()

    assert Run.objects.get().status == "completed", Run.objects.get().error
    assert sent.call_count == 1


def test_a_field_that_is_not_there_fails_the_step_and_names_the_input(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    step = note_step(connection)
    step["input"] |= {"content": "{{ trigger.incident.nonsense }}"}
    publish(trigger, connection, steps=[step])
    deliver(incident_event())
    worker.drain()

    run = Run.objects.get()
    assert (run.status, present(run.error)["code"]) == ("failed", "expression_failed")
    assert "content" in present(run.error)["message"]
    assert "nonsense" in present(run.error)["message"]
    assert set(present(run.error)) == {"code", "message", "provider_status", "retryable", "detail"}


def test_a_rate_limited_step_waits_as_a_row_and_goes_on_when_it_is_due(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    url = f"{API}/incidents/PINC1/notes"
    pagerduty.post(
        url, status=429, headers={"Retry-After": "30"}, json={"error": {"code": 2020, "message": "x"}}
    )
    add_note(pagerduty)
    deliver(incident_event())
    worker.drain()

    run = Run.objects.get()
    call = ActionCall.objects.get()
    assert (run.status, call.status, present(call.error)["code"]) == ("waiting", "waiting", "rate_limited")
    assert timedelta(seconds=28) < run.due_at - timezone.now() < timedelta(seconds=35)
    assert worker.drain() == 0

    make_everything_due()
    worker.drain()
    run.refresh_from_db()
    call.refresh_from_db()
    assert (run.status, call.attempts) == ("completed", 2)


def test_a_refusal_fails_the_run_and_says_what_pagerduty_said(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, status=404, json={"error": {"code": 5001, "message": "Incident Not Found"}})
    deliver(incident_event())
    worker.drain()

    run = Run.objects.get()
    assert (run.status, present(run.error)["provider_status"], present(run.error)["retryable"]) == (
        "failed",
        404,
        False,
    )


def test_on_error_continue_goes_on_to_the_next_step(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, status=404, json={"error": {"code": 5001, "message": "Incident Not Found"}})
    sent = add_note(pagerduty, incident="POTHER")
    other = note_step(connection, key="other")
    other["input"] = {**other["input"], "incident_id": "POTHER"}
    publish(trigger, connection, steps=[note_step(connection, on_error="continue"), other])
    deliver(incident_event())
    worker.drain()

    assert Run.objects.get().status == "completed"
    assert sent.call_count == 1


def test_a_lost_answer_is_looked_up_and_not_sent_again(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    sent = pagerduty.post(f"{API}/incidents/PINC1/notes", body=requests.exceptions.ReadTimeout())
    deliver(incident_event())
    worker.drain()
    call = ActionCall.objects.get()
    assert (call.status, call.unsure) == ("waiting", True)

    pagerduty.get(
        f"{API}/incidents/PINC1/notes",
        json={
            "notes": [
                {
                    "id": "PMADE",
                    "content": call.input["content"],
                    "created_at": timezone.now().isoformat(),
                    "user": {"id": "PUSER", "type": "user_reference"},
                }
            ]
        },
    )
    make_everything_due()
    worker.drain()

    call.refresh_from_db()
    assert (call.status, present(call.output)["note"]["id"]) == ("completed", "PMADE")
    assert sent.call_count == 1


class TestOrder:
    def test_events_of_one_incident_run_one_after_the_other(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        url = f"{API}/incidents/PINC1/notes"
        pagerduty.post(url, status=503)
        first, second = incident_event(title="one"), incident_event(title="two")
        deliver(first)
        deliver(second)
        deliver(incident_event(incident="POTHER"))
        add_note(pagerduty, incident="POTHER")
        worker.drain()

        states = {run.event.external_id: run.status for run in Run.objects.select_related("event")}
        assert states[first["event"]["id"]] == "waiting"
        assert states[second["event"]["id"]] == "pending"
        assert Run.objects.get(lane="POTHER").status == "completed"

    def test_an_event_that_always_breaks_fails_and_lets_its_lane_go_on(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: Any
    ) -> None:
        add_note(pagerduty)
        poison, healthy = incident_event(title="poison"), incident_event(title="healthy")
        deliver(poison)
        deliver(healthy)
        real = events.fields_of

        def break_on_poison(event: Event) -> dict[str, Any]:
            if event.external_id == poison["event"]["id"]:
                raise RuntimeError("cannot be read")
            return real(event)

        monkeypatch.setattr(fanout, "fields_of", break_on_poison)
        for _ in range(fanout.MAX_ATTEMPTS):
            worker.drain()
            Event.objects.filter(status="queued").update(lease_until=None)
        worker.drain()

        assert Event.objects.get(external_id=poison["event"]["id"]).status == "failed"
        assert Event.objects.get(external_id=healthy["event"]["id"]).status == "done"


class TestCrashes:
    def test_a_worker_that_dies_before_the_answer_leaves_a_call_that_is_looked_up(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: Any
    ) -> None:
        def die(*args: Any, **kwargs: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr("pagerduty_app.client.api.Api.create_note", die)
            deliver(incident_event())
            with pytest.raises(SystemExit):
                worker.drain()
        call = ActionCall.objects.get()
        assert (call.status, call.unsure, call.attempts) == ("running", True, 1)
        assert worker.drain() == 0, "the lease protects a call that may still be at work"

        past = timezone.now() - timedelta(seconds=1)
        Run.objects.update(lease_until=past)
        ActionCall.objects.update(lease_until=past, settles_at=past)
        asked = pagerduty.get(f"{API}/incidents/PINC1/notes", json={"notes": []})
        add_note(pagerduty)
        worker.drain()

        assert asked.call_count == 1
        assert Run.objects.get().status == "completed"

    def test_a_step_that_kills_every_worker_ends_as_failed(
        self, deliver: Any, note_workflow: Workflow
    ) -> None:
        deliver(incident_event())
        fanout.fan_out_due()
        Run.objects.update(claims=executor.MAX_CLAIMS)
        worker.drain()
        assert present(Run.objects.get().error)["code"] == "worker_lost"


class TestConnectionInTrouble:
    def test_a_run_parks_until_the_connection_is_restored_and_then_goes_on(
        self,
        deliver: Any,
        note_workflow: Workflow,
        connection: Connection,
        pagerduty: responses.RequestsMock,
    ) -> None:
        add_note(pagerduty)
        Connection.objects.update(status="error")
        deliver(incident_event())
        worker.drain()
        run = Run.objects.get()
        assert (run.status, run.blocked_on, present(run.error)["code"]) == (
            "paused",
            connection,
            "reconnection_needed",
        )

        Connection.objects.update(status="active")
        connection_restored.send(sender=Connection, connection=connection)
        worker.drain()
        run.refresh_from_db()
        assert run.status == "completed"

    def test_revoking_closes_triggers_and_fails_what_waits(
        self, deliver: Any, note_workflow: Workflow, connection: Connection, trigger: Trigger
    ) -> None:
        Connection.objects.update(status="error")
        deliver(incident_event())
        worker.drain()

        connection_revoked.send(sender=Connection, connection=connection)

        assert Run.objects.get().status == "failed"
        trigger.refresh_from_db()
        assert trigger.status == "closed"
        assert deliver(incident_event()).json() == {"status": "ignored"}

    def test_a_scope_that_was_not_granted_is_named(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        Grant.objects.update(scopes_granted=["incidents.read", "users.read"])
        deliver(incident_event())
        worker.drain()
        error = present(Run.objects.get().error)
        assert (error["code"], error["detail"]["scope"]) == ("missing_scope", "incidents.write")


def test_a_replay_runs_the_same_event_again(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    sent = add_note(pagerduty)
    deliver(incident_event())
    worker.drain()

    again = replay.replay(actor=SYSTEM, run=Run.objects.get())[0]
    worker.drain()

    again.refresh_from_db()
    assert (again.status, again.replay, sent.call_count) == ("completed", 1, 2)
