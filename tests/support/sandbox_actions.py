"""Fixtures of tests that use actions over the running sandbox, and what they share."""

from typing import Any

import pytest
from django.utils import timezone
from jsonschema import Draft7Validator

from connections.models import Connection
from pagerduty_app.actions import ACTIONS
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, people
from tests.support.consent import consented
from tests.support.present import present
from tests.support.rate_limits import lift_rate_limits
from workflows import worker
from workflows.calls import pipeline
from workflows.models import ActionCall

ACCOUNT, DANA, ELI = "PACME01", "dana@acme.example", "eli@acme.example"


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox)


@pytest.fixture
def act(connection: Connection) -> Any:
    """act(action, input): the call as far as it got."""

    def run(action: str, data: dict[str, Any], **more: Any) -> ActionCall:
        asked = {"action_key": f"pagerduty/{action}", "data": data, "origin": "api"}
        return pipeline.call_action(actor=SYSTEM, connection=connection, **asked | more)

    return run


def later(call: ActionCall) -> ActionCall:
    """The call after all that it waits for has passed and the workers had their turn with it."""
    now = timezone.now()
    ActionCall.objects.filter(pk=call.pk).update(next_attempt_at=now, settles_at=now, lease_until=None)
    lift_rate_limits()
    worker.drain()
    call.refresh_from_db()
    return call


def output(call: ActionCall) -> dict[str, Any]:
    assert call.status == "completed", call.error
    schema = ACTIONS[call.action].output_schema
    Draft7Validator(schema).validate(call.output)
    made: dict[str, Any] = present(call.output)
    return made


def fault(sandbox: Sandbox, kind: str, path: str, method: str = "POST", **more: Any) -> None:
    sandbox.faults.add([{"kind": kind, "path": path, "method": method, "times": 1, **more}])


def asked(sandbox: Sandbox, method: str, path: str) -> list[dict[str, Any]]:
    """The requests of that method for that path which the sandbox has had."""
    return [row for row in sandbox.requests if (row["method"], row["path"]) == (method, path)]
