"""Starting, in a process with threads: everything that is due is begun, in its turn, by whichever thread asks."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connections.models import Connection
from core import node_slots
from core.node_slots import NodeSlots
from tests.factories import API, DANA, SYSTEM, publish
from tests.support.worker_threads import PATIENCE, until, worker_threads
from tests.workflows.queue.test_fair_scheduling import another, events, runs
from workflows import worker
from workflows.calls import pipeline
from workflows.models import ActionCall, Event, Run, Trigger, Workflow
from workflows.queue import in_flight
from workflows.worker import starting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def starter(monkeypatch: pytest.MonkeyPatch) -> Iterator[starting.Starter]:
    """This process is a worker for the length of the test."""
    with worker_threads(monkeypatch) as made:
        yield made


@pytest.fixture
def provider(pagerduty: responses.RequestsMock) -> Iterator["Provider"]:
    made = Provider()
    pagerduty.add_callback("POST", re.compile(f"{API}/incidents/.*/notes"), made._note)
    yield made
    made.answers.set()


class Provider:
    """PagerDuty, which answers notes only when it is told to. order: the incidents whose notes arrived."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.order: list[str] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def _note(self, request: Any) -> tuple[int, dict[str, str], str]:
        with self._lock:
            self.order.append(request.url.split("/")[-2])
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.answers.wait(PATIENCE)
        with self._lock:
            self.at_once -= 1
        return 201, {}, '{"note": {"id": "PNOTE", "content": "x", "created_at": "2026-11-30T00:00:00Z"}}'


def call(connection: Connection, incident: str) -> ActionCall:
    """A call that a client asked for and the workers make."""
    return pipeline.call_action(
        actor=SYSTEM,
        connection=connection,
        action_key="pagerduty/create-incident-note",
        data={"from": DANA, "incident_id": incident, "content": "Said by a client"},
        origin=ActionCall.Origin.API,
        start=False,
    )


def test_a_connection_has_four_requests_in_flight_and_others_are_not_kept_waiting(
    provider: Provider, trigger: Trigger, note_workflow: Workflow
) -> None:
    events(trigger, [f"P{number:02}" for number in range(20)])

    worker.drain()  # returns although nothing has been answered
    until(lambda: provider.at_once == in_flight.PER_CONNECTION)
    other = another("Other")
    publish(other, other.connection)
    events(other, ["PLATE"])
    worker.drain()
    until(lambda: "PLATE" in provider.order)
    assert provider.at_once == in_flight.PER_CONNECTION + 1

    provider.answers.set()
    until(lambda: Run.objects.filter(status="completed").count() == 21)
    assert provider.most_at_once == in_flight.PER_CONNECTION + 1
    assert sorted(provider.order) == sorted([f"P{number:02}" for number in range(20)] + ["PLATE"])


def test_the_next_of_a_lane_is_begun_when_the_one_before_has_ended(
    provider: Provider, trigger: Trigger, note_workflow: Workflow
) -> None:
    events(trigger, ["PSAME"] * 3)

    worker.drain()
    until(lambda: provider.at_once == 1)
    worker.drain()
    assert provider.order == ["PSAME"]

    provider.answers.set()
    until(lambda: Run.objects.filter(status="completed").count() == 3)
    ended = Run.objects.order_by("finished_at").values_list("event_id", flat=True)
    assert list(ended) == sorted(ended)
    assert provider.most_at_once == 1


def test_runs_of_more_workspaces_than_one_look_takes_all_of_are_begun(
    provider: Provider, trigger: Trigger, note_workflow: Workflow
) -> None:
    provider.answers.set()
    for number in range(30):
        other = another(f"Other {number}")
        runs(publish(other, other.connection), events(other, [f"P{number}{lane}" for lane in range(10)]))
    Event.objects.update(status="done")

    worker.drain()

    # Some then wait for their user's requests of this minute.
    until(lambda: not Run.objects.filter(status="pending").exists())


def test_more_calls_than_one_look_takes_are_begun_though_none_has_ended(
    provider: Provider, connection: Connection, starter: starting.Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PER_CONNECTION", 30)
    monkeypatch.setattr(node_slots, "OF_WORKERS", range(30))
    monkeypatch.setattr(starter.place, "_node", NodeSlots(None, 30))
    for number in range(25):
        call(connection, f"P{number}")

    worker.drain()

    until(lambda: provider.at_once == 25)


def test_a_call_that_waits_for_room_is_begun_when_there_is_some(
    provider: Provider, trigger: Trigger, note_workflow: Workflow, connection: Connection
) -> None:
    events(trigger, [f"P{number:02}" for number in range(in_flight.PER_CONNECTION)])
    worker.drain()
    until(lambda: provider.at_once == in_flight.PER_CONNECTION)

    waiting = call(connection, "PCALL")
    worker.drain()
    assert "PCALL" not in provider.order

    provider.answers.set()
    until(lambda: ActionCall.objects.get(pk=waiting.pk).status == "completed")


def test_a_kind_of_work_that_breaks_keeps_no_other_and_is_looked_for_again(
    provider: Provider, connection: Connection, starter: starting.Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Semaphore(0)

    def breaks(until: float, fresh: bool) -> bool:
        looked.release()
        raise RuntimeError("our own fault")

    monkeypatch.setattr(starting, "_AFTER_AN_ERROR", 0.01)
    for kind in list(starter.others.values())[::2]:
        monkeypatch.setattr(kind, "_begin", breaks)
    made = call(connection, "PCALL")
    provider.answers.set()

    worker.drain()

    until(lambda: ActionCall.objects.get(pk=made.pk).status == "completed")
    for _ in range(10):
        assert looked.acquire(timeout=PATIENCE)
