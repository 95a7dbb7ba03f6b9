"""The number of attempts of a call: every request that could have had its effect, and looks for one that was lost."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, people
from tests.support.consent import consented
from workflows import worker
from workflows.calls import pipeline
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox)


def posts(sandbox: Sandbox) -> int:
    return sum(one["method"] == "POST" for one in sandbox.requests)


CASES = [
    ({"kind": "status", "status": 503}, 5, 5),
    ({"kind": "status", "status": 504}, 5, 5),
    ({"kind": "status", "status": 401}, 5, 5),
    ({"kind": "rate_limit"}, 5, 5),
    # Once more is looked for what became of it; then it is found.
    ({"kind": "status_after", "status": 503}, 1, 2),
    ({"kind": "lose_answer"}, 1, 2),
]


@pytest.mark.parametrize(("fault", "sent", "attempts"), CASES)
@pytest.mark.parametrize("every", [pytest.param(3, marks=pytest.mark.slow), 20])
@pytest.mark.parametrize("action", ["create-incident-note", "create-incident"])
def test_attempts_are_the_requests_really_made(
    connection: Connection,
    sandbox: Sandbox,
    fault: dict[str, Any],
    sent: int,
    attempts: int,
    every: int,
    action: str,
) -> None:
    incident = sandbox.incidents.insert("PACME01", "PSVC00", title="x")
    data = {
        "create-incident-note": {"incident_id": incident["id"], "content": "x"},
        "create-incident": {"service_id": "PSVC00", "title": "y"},
    }[action]
    sandbox.faults.add([{**fault, "method": "POST", "path": "^/incidents", "times": 4}])
    with time_machine.travel("2026-11-01T10:00:00Z", tick=True) as traveller:
        call = pipeline.call_action(
            actor=SYSTEM,
            connection=connection,
            action_key=f"pagerduty/{action}",
            data={"from": "dana@acme.example", **data},
            origin="api",
        )
        for _ in range(480 // every):
            traveller.shift(timedelta(seconds=every))
            worker.drain()

    call = ActionCall.objects.get(pk=call.pk)
    assert call.status == "completed"
    assert (posts(sandbox), call.attempts) == (sent, attempts)


def test_a_read_that_is_asked_for_twice_was_tried_twice(connection: Connection, sandbox: Sandbox) -> None:
    sandbox.faults.add([{"kind": "refuse_token", "times": 1}])

    call = pipeline.call_action(
        actor=SYSTEM, connection=connection, action_key="pagerduty/list-services", data={}, origin="api"
    )

    assert (call.status, call.attempts, len(sandbox.requests)) == ("completed", 2, 2)
