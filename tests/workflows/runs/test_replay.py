"""Running one run again: from the step that failed, keeping what completed, or from the start."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.utils import timezone

from connections.models import AuditEvent, Connection
from core.errors import Problem
from tests.factories import API, DANA, SYSTEM, Ask, add_note, incident_event, note_step, publish
from tests.workflows.retention.test_prune import next_day
from workflows import worker
from workflows.authoring import lifecycle
from workflows.engine import fanout
from workflows.models import ActionCall, Run, StepRun, Trigger, Workflow
from workflows.retention import prune
from workflows.runs import control, replay

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
INCIDENTS = f"{API}/incidents"


def create_step(connection: Connection, **changes: Any) -> dict[str, Any]:
    return {
        "key": "create",
        "name": "Open a follow-up",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident",
        "input": {"from": DANA, "service_id": "PSVC1", "title": "After {{ steps.note.note.id }}"},
    } | changes


def lone_create(connection: Connection) -> dict[str, Any]:
    step = create_step(connection)
    return {**step, "input": {**step["input"], "title": "Payments"}}


def made(key: str = "k") -> dict[str, Any]:
    service = {"id": "PSVC1", "type": "service_reference"}
    created = timezone.now().isoformat()
    about = {"id": "PNEW", "type": "incident", "status": "triggered", "incident_key": key}
    return {**about, "service": service, "created_at": created}


@pytest.fixture
def workflow(trigger: Trigger, connection: Connection) -> Workflow:
    """A note, then an incident."""
    return publish(trigger, connection, steps=[note_step(connection), create_step(connection)])


@pytest.fixture
def failed(workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock) -> Run:
    """The note stands, the incident was refused."""
    add_note(pagerduty)
    pagerduty.post(INCIDENTS, status=404, json={"error": {"message": "Not Found", "code": 2100}})
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    assert run.status == "failed"
    return run


def sent(mock: responses.RequestsMock, part: str) -> int:
    return sum(1 for call in mock.calls if call.request.method == "POST" and part in str(call.request.url))


def test_a_retry_repeats_nothing_that_had_completed(
    ask: Ask, failed: Run, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(INCIDENTS, json={"incident": made()})

    answer = ask("post", f"runs/{failed.id}/replay/")
    assert answer.status_code == 201
    worker.drain()

    assert (sent(pagerduty, "/notes"), sent(pagerduty, "/incidents") - sent(pagerduty, "/notes")) == (1, 2)
    seen = ask("get", f"runs/{answer.json()['id']}/").json()
    assert (seen["status"], seen["replay_of"], seen["replay_from"]) == (
        "completed",
        str(failed.id),
        "failed_step",
    )
    kept, anew = seen["steps"]
    assert (kept["status"], kept["kept"], kept["output"]["note"]["id"]) == ("completed", True, "PNOTE1")
    assert kept["call"] == str(failed.steps.get(key="note").call_id)
    assert (anew["kept"], anew["input"]["title"]) == (False, "After PNOTE1")
    original = ask("get", f"runs/{failed.id}/").json()
    assert [(again["id"], again["replay_from"]) for again in original["replays"]] == [
        (seen["id"], "failed_step")
    ]
    assert AuditEvent.objects.get(action="run.retried").detail["as_run"] == seen["id"]


def test_from_the_start_everything_is_done_again(
    ask: Ask, failed: Run, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(INCIDENTS, json={"incident": made()})

    again = ask("post", f"runs/{failed.id}/replay/", {"from": "start"}).json()
    worker.drain()

    assert (again["replay_of"], again["replay_from"]) == (str(failed.id), "start")
    assert sent(pagerduty, "/notes") == 2


def test_a_retry_of_a_retry_keeps_what_both_had_completed(
    ask: Ask, failed: Run, pagerduty: responses.RequestsMock
) -> None:
    for _ in range(3):
        ask("post", f"runs/{failed.id}/replay/")
        worker.drain()
    runs = list(Run.objects.order_by("seq"))

    assert [run.replay_of for run in runs] == [None, *runs[:-1]]
    assert sent(pagerduty, "/notes") == 1
    assert len({step.kept_id for step in StepRun.objects.filter(key="note", call=None)}) == 1


@pytest.mark.parametrize("body", [{"from": "failed_step"}, {"from": "start"}, None], ids=str)
def test_sent_twice_it_makes_one_run(ask: Ask, failed: Run, body: Any) -> None:
    first, second = (ask("post", f"runs/{failed.id}/replay/", body) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert Run.objects.count() == 2


def test_an_idempotency_key_serves_once_even_after_the_run_has_ended(
    ask: Ask, failed: Run, pagerduty: responses.RequestsMock
) -> None:
    headers = {"Idempotency-Key": "again-1"}
    first = ask("post", f"runs/{failed.id}/replay/", {"from": "start"}, **headers)
    worker.drain()

    assert (
        ask("post", f"runs/{failed.id}/replay/", {"from": "start"}, **headers).json()["id"]
        == first.json()["id"]
    )
    assert ask("post", f"runs/{failed.id}/replay/", {"from": "start"}).status_code == 201


@pytest.mark.parametrize("value", ["middle", "", None, 3, ["start"]])
def test_a_wrong_place_to_begin_is_named(ask: Ask, failed: Run, value: Any) -> None:
    answer = ask("post", f"runs/{failed.id}/replay/", {"from": value})

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["from"])
    assert Run.objects.count() == 1


def test_without_a_failed_step_it_says_so_and_begins_at_the_start_by_itself(
    ask: Ask, note_workflow: Workflow, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()

    refused = ask("post", f"runs/{run.id}/replay/", {"from": "failed_step"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_failed_step")
    assert ask("post", f"runs/{run.id}/replay/").json()["replay_from"] == "start"


def test_a_create_whose_answer_was_lost_is_found_and_not_made_twice(
    ask: Ask, trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    publish(trigger, connection, steps=[lone_create(connection)])
    lost = pagerduty.post(INCIDENTS, body=requests.exceptions.ReadTimeout())
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    control.cancel(actor=SYSTEM, run=run)
    first = ActionCall.objects.get()
    assert first.unsure
    key = f"taskjuice-{first.pk}"
    pagerduty.get(
        INCIDENTS,
        json={"incidents": [made(key)], "more": False, "limit": 100, "offset": 0},
        match=[responses.matchers.query_param_matcher({"incident_key": key}, strict_match=False)],
    )

    ask("post", f"runs/{run.id}/replay/", {"from": "failed_step"})
    worker.drain()

    again = ActionCall.objects.exclude(pk=first.pk).get()
    assert (again.status, (again.output or {})["incident"]["id"]) == ("completed", "PNEW")
    assert lost.call_count == 1


def test_also_where_the_retry_between_was_cancelled_before_it_began(
    trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    publish(trigger, connection, steps=[lone_create(connection)])
    pagerduty.post(INCIDENTS, body=requests.exceptions.ReadTimeout())
    pagerduty.get(INCIDENTS, json={"incidents": [], "more": False, "limit": 100, "offset": 0})
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    control.cancel(actor=SYSTEM, run=run)
    between, _ = replay.replay(actor=SYSTEM, run=run)
    control.cancel(actor=SYSTEM, run=between)

    replay.replay(actor=SYSTEM, run=run)
    worker.drain()

    keys = {
        json.loads(str(call.request.body))["incident"]["incident_key"]
        for call in pagerduty.calls
        if call.request.method == "POST"
    }
    assert keys == {f"taskjuice-{ActionCall.objects.earliest('created_at').pk}"}
    assert Run.objects.count() == 3


def test_what_went_on_after_an_error_is_kept_and_only_the_failed_step_is_made(
    trigger: Trigger, connection: Connection, deliver: Deliver, pagerduty: responses.RequestsMock
) -> None:
    second = note_step(connection, key="second")
    second["input"] = {**second["input"], "incident_id": "PTWO"}
    publish(trigger, connection, steps=[note_step(connection, on_error="continue"), second])
    add_note(pagerduty, status=404, json={})
    kept = add_note(pagerduty, incident="PTWO")
    deliver(incident_event())
    worker.drain()
    run = Run.objects.get()
    assert run.status == "completed"
    pagerduty.remove("POST", f"{INCIDENTS}/PINC1/notes")
    anew = add_note(pagerduty)

    again, _ = replay.replay(actor=SYSTEM, run=run)
    worker.drain()

    assert again.replay_from == "failed_step"
    assert (anew.call_count, kept.call_count) == (1, 1)
    assert [step.status for step in again.steps.all()] == ["completed", "completed"]


def test_it_follows_the_version_that_the_run_followed(
    failed: Run, workflow: Workflow, connection: Connection
) -> None:
    definition = {"steps": [note_step(connection)]}
    lifecycle.change(actor=SYSTEM, workflow=workflow, name="Note", definition=definition)
    lifecycle.publish(actor=SYSTEM, workflow=workflow)

    retry, _ = replay.replay(actor=SYSTEM, run=failed)
    again, _ = replay.replay(actor=SYSTEM, run=Run.objects.get(pk=failed.pk), begin_at="start")

    assert [run.version.number for run in (retry, again)] == [1, 2]  # type: ignore[union-attr]


def test_a_revoked_connection_is_named_before_anything_is_done(
    ask: Ask, failed: Run, connection: Connection
) -> None:
    Connection.objects.filter(pk=connection.pk).update(status="revoked", revoked_at=timezone.now())

    for body in ({"from": "failed_step"}, {"from": "start"}):
        error = ask("post", f"runs/{failed.id}/replay/", body).json()["error"]
        assert error["code"] == "connection_revoked"
        assert "“Acme” was revoked" in error["message"]
    assert Run.objects.count() == 1


def test_an_archived_workflow_says_so(failed: Run, workflow: Workflow) -> None:
    lifecycle.set_status(actor=SYSTEM, workflow=workflow, status="archived")

    with pytest.raises(Problem, match="archived"):
        replay.replay(actor=SYSTEM, run=Run.objects.get(pk=failed.pk))


def test_a_run_that_has_not_ended_is_not_retried(workflow: Workflow, deliver: Deliver) -> None:
    deliver(incident_event())
    fanout.fan_out_due()

    with pytest.raises(Problem, match="has not ended"):
        replay.replay(actor=SYSTEM, run=Run.objects.get(), begin_at="failed_step")


def test_what_was_retried_stays_as_long_as_its_retry_and_then_goes(failed: Run) -> None:
    retry, _ = replay.replay(actor=SYSTEM, run=failed)
    worker.drain()
    old = timezone.now() - timedelta(days=91)
    for rows in (Run.objects.filter(pk=failed.pk), ActionCall.objects.all()):
        rows.update(created_at=old, finished_at=old)

    prune.prune()
    assert Run.objects.count() == 2

    Run.objects.filter(pk=retry.pk).update(created_at=old, finished_at=old)
    next_day()
    prune.prune()
    assert not Run.objects.exists()
    assert not ActionCall.objects.exists()
