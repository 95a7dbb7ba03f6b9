"""A run says of itself whether it is due, as the query of due runs does."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from connections.models import Connection
from core.db import clock
from tests.factories import incident_event, publish
from workflows.models import Event, Run, Trigger

pytestmark = pytest.mark.django_db


def test_it_is_due_when_the_query_finds_it(deliver: Any, trigger: Trigger, connection: Connection) -> None:
    workflow = publish(trigger, connection)
    deliver(incident_event())
    now, event = clock.now(), Event.objects.get()
    moments = [now + timedelta(minutes=minutes) for minutes in (-1, 0, 1)]
    states = product(Run.Status.values, moments, [None, *moments])
    for number, (status, due_at, lease_until) in enumerate(states):
        Run.objects.create(
            workspace=event.workspace, workflow=workflow, version=workflow.live, event=event, lane="x",
            replay=number, status=status, due_at=due_at, lease_until=lease_until,
        )  # fmt: skip

    found = set(Run.objects.due(now).values_list("pk", flat=True))

    assert {run.pk for run in Run.objects.all() if run.is_due(now)} == found
    assert len(found) == 3 * 2 * 2
