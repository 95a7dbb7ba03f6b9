"""How many runs wait, by reason."""

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import Connection, RequestBudget
from core.db import clock
from tests.factories import SYSTEM, add_note, incident_event, requests_in_flight
from workflows import worker
from workflows.authoring import draft_tests
from workflows.engine import fanout
from workflows.models import ActionCall, Event, Run, Workflow
from workflows.queue import waiting, waiting_counts
from workflows.queue.waiting import Reason

pytestmark = pytest.mark.django_db
MOST = 100


def counts(most: int = MOST) -> dict[str, int]:
    """Those that are not 0."""
    found = waiting_counts.count(clock.now(), most).by_reason
    assert set(found) == set(waiting_counts.COUNTED)
    return {reason.value: count for reason, count in found.items() if count}


def arrive(deliver: Any, *incidents: str) -> None:
    for incident in incidents:
        deliver(incident_event(incident=incident))
    while fanout.fan_out_due():
        pass


def test_each_run_has_one_reason_the_one_that_its_page_says(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    assert counts() == {}
    add_note(pagerduty, "PRETRY", status=503, json={})
    arrive(deliver, "PRETRY", "PRETRY")
    worker.drain()
    later = timezone.now() + timedelta(minutes=5)  # the first retry comes within seconds
    Run.objects.filter(lane="PRETRY", status="waiting").update(due_at=later)
    ActionCall.objects.update(next_attempt_at=later)
    RequestBudget.objects.update(blocked_until=(timezone.now() + timedelta(minutes=5)).timestamp())
    arrive(deliver, "PLIMIT")
    worker.drain()
    Connection.objects.update(status="error")
    arrive(deliver, "PPAUSE", "PPAUSE")
    worker.drain()
    arrive(deliver, "PWORK", "PWORK", "PWORK", "PDUE", "PTAKEN", "PHELD")
    Run.objects.filter(lane="PTAKEN").update(
        status="running", lease_until=timezone.now() + timedelta(minutes=5)
    )
    Run.objects.filter(lane="PHELD").update(status="paused", pause_reason="person")

    expected = {"earlier_run": 4, "rate_limit": 1, "retry": 1, "worker": 2, "connection": 1}
    busy = expected | {"worker": 0, "connection_busy": 2}
    for wanted in (expected, busy):
        assert counts() == {name: count for name, count in wanted.items() if count}
        said = [found.reason for found in waiting.of(Run.objects.all()).values()]
        assert {name: said.count(Reason(name)) for name in wanted} == wanted
        assert set(said) - set(waiting_counts.COUNTED) == {Reason.PERSON}
        requests_in_flight(connection)


def test_what_has_ended_or_is_held_by_a_member_does_not_count(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, status=503, json={})
    arrive(deliver, "PINC1")
    worker.drain()
    assert counts() == {"retry": 1}

    Run.objects.update(status="paused", pause_reason="person")
    assert counts() == {}
    Run.objects.update(status="cancelled", pause_reason="")
    ActionCall.objects.update(status="cancelled", next_attempt_at=None)
    assert counts() == {}


def test_tests_of_drafts_do_not_count(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty, status=503, json={})
    arrive(deliver, "PINC1")
    Run.objects.update(status="cancelled")
    draft_tests.start(actor=SYSTEM, workflow=note_workflow, event=Event.objects.get(), once="once")
    assert counts() == {}
    worker.drain()

    assert ActionCall.objects.get().status == "waiting"
    assert counts() == {}


def test_no_more_than_the_bound_are_looked_at_in_as_many_queries(
    deliver: Any, note_workflow: Workflow, connection: Connection, django_assert_num_queries: Any
) -> None:
    arrive(deliver, *["PINC1"] * 3, "PINC2", "PINC3")

    assert counts() == {"earlier_run": 2, "worker": 3}
    with django_assert_num_queries(5):
        assert sum(counts(most=4).values()) == 4
    requests_in_flight(connection)
    with django_assert_num_queries(6):
        assert sum(counts(most=4).values()) == 4


def test_only_a_run_that_a_worker_could_take_up_is_the_oldest(
    deliver: Any, note_workflow: Workflow, connection: Connection
) -> None:
    arrive(deliver, "PINC1", "PINC1", "PINC2")
    first, behind = Run.objects.filter(lane="PINC1").order_by("seq")
    ready = Run.objects.get(lane="PINC2")
    long_ago = clock.now() - timedelta(hours=1)
    Run.objects.filter(pk__in=[first.pk, behind.pk]).update(due_at=long_ago)
    assert waiting_counts.count(clock.now(), MOST).oldest_ready == long_ago

    Run.objects.filter(pk=first.pk).update(status="paused", pause_reason="person")
    assert waiting_counts.count(clock.now(), MOST).oldest_ready == ready.due_at
    requests_in_flight(connection)
    assert waiting_counts.count(clock.now(), MOST).oldest_ready is None
    ActionCall.objects.all().delete()
    Run.objects.filter(pk=ready.pk).update(status="completed")
    assert waiting_counts.count(clock.now(), MOST).oldest_ready is None
