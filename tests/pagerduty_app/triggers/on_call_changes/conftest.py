"""A trigger that watches a schedule, and looks at given times."""

from datetime import datetime
from typing import Any

import pytest
import requests
import time_machine

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.factories import SYSTEM, People
from tests.pagerduty_app.triggers.on_call_changes.watching import DAY, HOUR, KEY, NINE, ROTATION, At, Tell
from tests.support.consent import consented
from workflows import worker
from workflows.models import Event, Trigger
from workflows.triggers import lifecycle


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox) -> Tell:
    """Change the rotation at PagerDuty: Dana, Eli and Farah, a day each, from nine to nine."""

    def ask(what: str = "", method: str = "POST", **body: Any) -> None:
        with requests.Session() as session:
            session.trust_env = False
            given = {
                name: str(value) if isinstance(value, datetime) else value for name, value in body.items()
            }
            url = f"{server.url}/_sandbox/schedules/{ROTATION}{what}"
            assert session.request(method, url, json=given, timeout=5).ok

    ask(start=NINE - DAY, turn_seconds=86_400)
    return ask


@pytest.fixture
def connection(who: People, sandbox: Sandbox, tell: Tell) -> Connection:
    with time_machine.travel(NINE - 6 * HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    """It has looked once, at five o'clock, when Dana was on call."""
    with time_machine.travel(NINE - 4 * HOUR, tick=False):
        options = {"schedule_id": ROTATION}
        made = lifecycle.create(
            actor=SYSTEM, connection=connection, key=KEY, name="Hand-over", options=options
        )
        worker.drain()
        return made


@pytest.fixture
def at(trigger: Trigger) -> At:
    """What the workers have found by then, oldest first."""

    def work(moment: datetime) -> list[dict[str, Any]]:
        with time_machine.travel(moment, tick=False):
            worker.drain()
        return [event.payload["event"]["data"] for event in Event.objects.order_by("seq")]

    return work
