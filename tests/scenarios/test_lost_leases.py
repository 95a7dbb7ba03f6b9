"""A run or a call that another worker takes over at the worst moment: nothing is sent, or written, on its behalf."""

import json
import uuid
from typing import Any

import pytest
import responses

from connections.models import RequestBudget
from tests.factories import API, DANA, add_note, incident_event
from workflows import worker
from workflows.models import ActionCall, Hook, HookDelivery, Run, StepRun, Trace, Workflow

pytestmark = pytest.mark.django_db
NOTES = f"{API}/incidents/PINC1/notes"
USERS = {
    "users": [{"id": "PUSER", "type": "user", "email": DANA, "name": "Dana"}],
    "offset": 0,
    "limit": 100,
    "more": False,
}


def taken_while_users_are_looked_up(pagerduty: responses.RequestsMock, take: Any) -> None:
    """The last thing before the request is written ahead."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        take()
        return 200, {}, json.dumps(USERS)

    pagerduty.remove("GET", f"{API}/users")
    pagerduty.add_callback("GET", f"{API}/users", answer)


def test_a_run_taken_over_before_its_request_sends_nothing(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    sent = add_note(pagerduty)
    counted: list[float] = []

    def take() -> None:
        Run.objects.update(lease_holder=uuid.uuid4())
        counted.extend(RequestBudget.objects.values_list("full_until", flat=True))

    taken_while_users_are_looked_up(pagerduty, take)
    deliver(incident_event())
    worker.drain()

    assert sent.call_count == 0
    assert (StepRun.objects.count(), ActionCall.objects.count(), Trace.objects.count()) == (0, 0, 0)
    assert list(RequestBudget.objects.values_list("full_until", flat=True)) == counted


def test_a_step_that_the_new_holder_has_begun_is_no_fault_of_ours(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock, caplog: Any
) -> None:
    sent = add_note(pagerduty)

    def take() -> None:
        Run.objects.update(lease_holder=uuid.uuid4())
        StepRun.objects.create(
            run=Run.objects.get(), position=0, key="note", action="pagerduty/create-incident-note"
        )

    taken_while_users_are_looked_up(pagerduty, take)
    deliver(incident_event())
    worker.drain()

    assert sent.call_count == 0
    assert (StepRun.objects.count(), ActionCall.objects.count()) == (1, 0)
    assert "run_taken_over" in caplog.text
    assert "run_broke" not in caplog.text


def test_a_call_taken_over_while_its_request_is_on_the_way_writes_nothing(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    others = uuid.uuid4()
    Hook.objects.create(
        workspace=note_workflow.workspace, url="https://hooks.example/x", runs=True, events=False
    )

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        ActionCall.objects.update(lease_holder=others)
        return 200, {}, json.dumps({"note": {"id": "PNOTE1"}})

    pagerduty.add_callback("POST", NOTES, answer)
    deliver(incident_event())
    worker.drain()

    call = ActionCall.objects.get()
    assert (call.status, call.lease_holder, call.output, call.unsure) == ("running", others, None, True)
    assert (Run.objects.get().status, StepRun.objects.get().status) == ("running", "running")
    assert not HookDelivery.objects.exists()
