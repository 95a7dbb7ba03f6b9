"""A trigger for incidents that are not acknowledged, and an incident of nine o’clock."""

import pytest
import time_machine

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import People
from tests.pagerduty_app.triggers.deadlines.moments import HOUR, NINE
from tests.support.consent import consented
from tests.support.deadlines import (
    Incident,
    overdue,
)
from workflows.models import Trigger


@pytest.fixture
def connection(who: People, sandbox: Sandbox) -> Connection:
    with time_machine.travel(NINE - HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    return overdue(connection)


@pytest.fixture
def incident(sandbox: Sandbox, connection: Connection) -> Incident:
    return Incident(sandbox, NINE)
