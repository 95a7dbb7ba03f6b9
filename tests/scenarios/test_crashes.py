"""Crashes and races at the places where a row could be lost, stuck or done twice."""

import contextlib
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.utils import timezone

from connections.connecting.complete import authorise
from connections.connecting.revoke import revoke
from connections.grants.registry import Identity, Tokens
from connections.models import Connection, Grant
from tests.factories import ALL_SCOPES, API, DANA, SYSTEM, Ask, add_note, incident_event, note_step, publish
from tests.support.present import present
from tests.support.rate_limits import lift_rate_limits
from workflows import worker
from workflows.engine import executor, fanout, scheduler
from workflows.inbox import events
from workflows.models import ActionCall, Event, Run, StepRun, Trigger, Workflow
from workflows.runs import control

pytestmark = pytest.mark.django_db
NOTES = f"{API}/incidents/PINC1/notes"


def all_is_due() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Run.objects.exclude(lease_until=None).update(lease_until=past)
    Run.objects.update(due_at=past)
    ActionCall.objects.exclude(lease_until=None).update(lease_until=past)
    ActionCall.objects.exclude(next_attempt_at=None).update(next_attempt_at=past)
    ActionCall.objects.update(settles_at=past)
    lift_rate_limits()


def test_an_event_that_kills_its_workers_costs_its_neighbours_nothing(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: Any
) -> None:
    for name in ("P1", "KILLER", "P3"):
        deliver(incident_event(incident=name))
    real = events.fields_of

    def killed(event: Event) -> dict[str, Any]:
        if event.lane == "KILLER":
            raise SystemExit
        return real(event)

    monkeypatch.setattr(fanout, "fields_of", killed)
    for _ in range(fanout.MAX_ATTEMPTS + 1):
        Event.objects.update(lease_until=None)
        try:
            fanout.fan_out_due()
        except SystemExit:
            continue

    statuses = dict(Event.objects.values_list("lane", "status"))
    assert statuses == {"P1": "done", "KILLER": "failed", "P3": "done"}
    assert Run.objects.count() == 2


@pytest.mark.parametrize("end", [RuntimeError, SystemExit])
def test_a_run_that_cannot_be_read_is_given_up_and_its_lane_goes_on(
    deliver: Any,
    note_workflow: Workflow,
    pagerduty: responses.RequestsMock,
    monkeypatch: Any,
    end: type[BaseException],
) -> None:
    add_note(pagerduty)
    for title in ("poison", "fine"):
        deliver(incident_event(title=title))
    fanout.fan_out_due()
    fanout.fan_out_due()
    real = events.fields_of

    def poisoned(event: Event) -> dict[str, Any]:
        fields = real(event)
        if fields["trigger"]["incident"]["title"] == "poison":
            raise end
        return fields

    monkeypatch.setattr(executor, "fields_of", poisoned)
    for _ in range(executor.MAX_CLAIMS + 2):
        Run.objects.update(lease_until=None)
        with contextlib.suppress(SystemExit):
            worker.drain()

    first, second = Run.objects.order_by("seq")
    assert (first.status, present(first.error)["code"], second.status) == (
        "failed",
        "worker_lost",
        "completed",
    )


def test_a_failed_event_gets_another_round_over_the_api(
    ask: Ask, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    deliver(incident_event())
    Event.objects.update(status="failed", attempts=5)
    event = Event.objects.get()

    assert ask("post", f"events/{event.id}/requeue/").status_code == 200
    assert ask("post", f"events/{event.id}/requeue/").status_code == 409
    worker.drain()

    assert Run.objects.get().status == "completed"


def test_runs_that_wait_for_a_first_authorisation_go_on_after_it(
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    note_workflow: Workflow,
    pagerduty: responses.RequestsMock,
) -> None:
    add_note(pagerduty)
    Connection.objects.update(status="pending")
    deliver(incident_event())
    worker.drain()
    assert Run.objects.get().status == "paused"

    authorise(
        actor=SYSTEM,
        connection=Connection.objects.get(),
        identity=Identity("PACC", "acme", "PUSER", "us"),
        tokens=Tokens("a", "r", ALL_SCOPES, timezone.now() + timedelta(days=1)),
        scopes_asked=ALL_SCOPES,
        allow_account_change=False,
    )
    worker.drain()

    assert Run.objects.get().status == "completed"


@pytest.mark.parametrize(("status", "ends"), [("active", "completed"), ("revoked", "failed")])
def test_a_run_that_parks_just_after_its_connection_changed_is_found(
    deliver: Any,
    connection: Connection,
    note_workflow: Workflow,
    pagerduty: responses.RequestsMock,
    status: str,
    ends: str,
) -> None:
    add_note(pagerduty)
    Connection.objects.update(status="error")
    deliver(incident_event())
    worker.drain()
    Connection.objects.update(status=status, revoked_at=timezone.now() if status == "revoked" else None)

    worker.housekeeping()
    worker.drain()

    assert Run.objects.get().status == ends
    assert not StepRun.objects.filter(status="running").exists()
    assert not ActionCall.objects.filter(status__in=["running", "paused"]).exists()


def test_a_note_that_arrives_late_is_not_doubled_by_a_rate_limit_in_between(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    late: dict[str, Any] = {
        "id": "PLATE",
        "content": "Runbook for Payments are slow",
        "user": {"id": "PUSER"},
    }
    late["created_at"] = timezone.now().isoformat()
    pagerduty.post(NOTES, body=requests.ReadTimeout())
    pagerduty.post(NOTES, status=429)
    pagerduty.get(NOTES, json={"notes": []})
    pagerduty.get(NOTES, json={"notes": [late]})

    deliver(incident_event())
    for _ in range(3):
        worker.drain()
        all_is_due()

    call = ActionCall.objects.get()
    assert (call.status, present(call.output)["note"]["id"]) == ("completed", "PLATE")
    assert len([sent for sent in pagerduty.calls if sent.request.method == "POST"]) == 2


def test_a_refresh_that_a_dead_process_holds_costs_no_run(
    deliver: Any,
    note_workflow: Workflow,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("connections.grants.refresh._PATIENCE", 0.0)
    now = timezone.now()
    Grant.objects.update(
        expires_at=now, next_refresh_at=now - timedelta(hours=1), lease_until=now + timedelta(seconds=25)
    )

    deliver(incident_event())
    worker.drain()

    call = ActionCall.objects.get()
    assert (call.status, present(call.error)["code"]) == ("waiting", "grant_refresh_delayed")
    assert (present(call.next_attempt_at) - now).total_seconds() >= 24, "it asks again when the lease is over"


def test_what_may_pass_is_tried_for_hours_and_not_for_ever(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(NOTES, status=503)
    pagerduty.get(NOTES, json={"notes": []})
    deliver(incident_event())
    for _ in range(20):
        worker.drain()
        all_is_due()
    assert ActionCall.objects.get().status == "waiting"

    ActionCall.objects.update(created_at=timezone.now() - timedelta(hours=7))
    worker.drain()

    assert ActionCall.objects.get().status == "failed"
    assert Run.objects.get().status == "failed"


@pytest.mark.parametrize("how", ["revoked", "cancelled", "worker lost"])
def test_a_run_that_ends_early_leaves_nothing_open(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock, how: str
) -> None:
    pagerduty.post(NOTES, status=429, headers={"Retry-After": "60"})
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    if how == "revoked":
        revoke(actor=SYSTEM, connection=connection)
    elif how == "cancelled":
        control.cancel(actor=SYSTEM, run=run)
    else:
        Run.objects.update(claims=executor.MAX_CLAIMS)
        ActionCall.objects.update(status="running", lease_until=timezone.now())
    all_is_due()
    worker.drain()

    run.refresh_from_db()
    assert run.status in ("failed", "cancelled")
    step = StepRun.objects.get()
    assert (step.status, step.finished_at is None) == ("failed", False)
    assert ActionCall.objects.get().finished


def test_a_run_whose_call_another_worker_has_waits_for_that_ones_lease(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(NOTES, status=429, headers={"Retry-After": "60"})
    deliver(incident_event())
    worker.drain()
    lease = timezone.now() + timedelta(seconds=20)
    ActionCall.objects.update(status="running", lease_until=lease, next_attempt_at=None)
    Run.objects.update(due_at=timezone.now())

    taken = worker.drain()

    assert taken == 1, "it spins"
    assert Run.objects.get().due_at == lease


def test_a_long_walk_stops_between_steps_when_the_time_is_over(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    publish(trigger, connection, steps=[note_step(connection), note_step(connection, key="again")])
    deliver(incident_event())
    fanout.fan_out_due()
    run = Run.objects.get()

    present(scheduler._claim(run)).go(until=time.monotonic() - 1)
    run.refresh_from_db()
    assert (run.status, run.position, run.lease_until) == ("pending", 1, None)

    worker.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert DANA in str(StepRun.objects.last().call.input)  # type: ignore[union-attr]


def test_a_note_is_written_down_before_it_leaves(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    seen: list[tuple[Any, ...]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        seen.extend(StepRun.objects.values_list("status", "call__status", "call__unsure", "call__attempts"))
        return 200, {}, json.dumps({"note": {"id": "PNOTE1"}})

    pagerduty.add_callback("POST", NOTES, answer)
    deliver(incident_event())
    worker.drain()

    assert seen == [("running", "running", True, 1)]


def test_a_worker_that_dies_before_it_sends_leaves_nothing_to_ask_about(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: Any
) -> None:
    sent = add_note(pagerduty)
    deliver(incident_event())
    with monkeypatch.context() as dying:
        dying.setattr("workflows.calls.loop_detection.record", _die)
        with pytest.raises(SystemExit):
            worker.drain()
    assert not StepRun.objects.exists()
    assert not ActionCall.objects.exists()

    all_is_due()
    worker.drain()

    assert Run.objects.get().status == "completed"
    assert (sent.call_count, ActionCall.objects.get().attempts) == (1, 1)


def test_a_worker_that_dies_with_the_answer_in_hand_sends_nothing_twice(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, monkeypatch: Any
) -> None:
    sent = add_note(pagerduty)
    written = {"id": "PNOTE1", "content": "Runbook for Payments are slow", "user": {"id": "PUSER"}}
    pagerduty.get(NOTES, json={"notes": [written | {"created_at": timezone.now().isoformat()}]})
    deliver(incident_event())
    with monkeypatch.context() as dying:
        dying.setattr("workflows.outgoing.outbox.owe_run", _die)
        with pytest.raises(SystemExit):
            worker.drain()
    assert (ActionCall.objects.get().status, Run.objects.get().status) == ("running", "running")
    assert ActionCall.objects.get().unsure

    all_is_due()
    worker.drain()

    assert Run.objects.get().status == "completed"
    assert StepRun.objects.get().status == "completed"
    assert (sent.call_count, present(ActionCall.objects.get().output)["note"]["id"]) == (1, "PNOTE1")


def test_an_answer_is_kept_although_another_worker_has_the_run_by_then(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    others = uuid.uuid4()

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        Run.objects.update(lease_holder=others)
        return 200, {}, json.dumps({"note": {"id": "PNOTE1"}})

    pagerduty.add_callback("POST", NOTES, answer)
    deliver(incident_event())
    worker.drain()
    assert (ActionCall.objects.get().status, StepRun.objects.get().status) == ("completed", "running")
    assert (Run.objects.get().status, Run.objects.get().lease_holder) == ("running", others)

    all_is_due()
    worker.drain()

    assert (Run.objects.get().status, StepRun.objects.get().status) == ("completed", "completed")
    assert ActionCall.objects.get().attempts == 1


def test_a_run_that_moved_on_since_it_was_seen_is_not_taken_up(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    publish(trigger, connection, steps=[note_step(connection), note_step(connection, key="again")])
    deliver(incident_event())
    fanout.fan_out_due()
    seen = Run.objects.get()
    present(scheduler._claim(Run.objects.get())).go(time.monotonic() - 1)
    assert (Run.objects.get().status, Run.objects.get().claims) == (seen.status, seen.claims)

    assert scheduler._claim(seen) is None


def _die(*args: Any, **kwargs: Any) -> None:
    raise SystemExit
