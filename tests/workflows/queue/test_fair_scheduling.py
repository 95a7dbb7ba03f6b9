"""Whose turn it is: no workspace's burst keeps another waiting, and a look never reads the backlog."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.utils import timezone

from connections.models import Account, Connection, Workspace
from tests.factories import SYSTEM, add_note, connect, publish
from workflows import worker
from workflows.engine import fanout, scheduler
from workflows.engine.candidates import Candidates
from workflows.models import Event, Run, Trigger, Workflow
from workflows.queue import fair_scheduling, in_flight
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


def events(trigger: Trigger, lanes: Sequence[str]) -> list[int]:
    made = [
        Event(
            workspace_id=trigger.workspace_id,
            trigger=trigger,
            external_id=uuid.uuid4().hex,
            event_type="incident.triggered",
            lane=lane,
            body=b'{"event": {"data": {"id": "%s", "title": "x"}}}' % lane.encode(),
            status="queued",
        )
        for lane in lanes
    ]
    return [event.seq for event in Event.objects.bulk_create(made)]


def another(name: str) -> Trigger:
    workspace = Workspace.objects.create(account=Account.objects.create(name=name), name=name)
    connection = connect(workspace)
    return lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New incidents"
    )


def runs(workflow: Workflow, seqs: Sequence[int]) -> list[int]:
    """A pending run of each of those events."""
    made = [
        Run(
            workspace_id=workflow.workspace_id,
            workflow=workflow,
            version=workflow.live,
            event=event,
            lane=event.lane,
        )
        for event in Event.objects.filter(seq__in=seqs).order_by("seq")
    ]
    return [run.seq for run in Run.objects.bulk_create(made)]


def found() -> list[int]:
    """The runs that may be taken up, in the order in which they are begun."""
    candidates = Candidates(scheduler.SCHEDULE)
    candidates.look(50)
    return [run.seq for run, _ in iter(partial(candidates.take, in_flight.AtOnce()), None)]


def test_events_behind_another_workspaces_burst_are_among_the_next(trigger: Trigger) -> None:
    events(trigger, [f"P{number}" for number in range(120)])
    late = events(another("Other"), ["PA", "PB", "PC"])

    chosen = [event.seq for event in fanout._heads()]

    assert set(late) <= set(chosen[:6])
    assert len(chosen) > 20, "the burst goes on as well"


def test_runs_behind_another_workspaces_burst_are_among_the_next(
    trigger: Trigger, note_workflow: Workflow, connection: Connection
) -> None:
    runs(note_workflow, events(trigger, [f"P{number}" for number in range(120)]))
    other = another("Other")
    late = runs(publish(other, other.connection), events(other, ["PA", "PB", "PC"]))

    chosen = found()

    assert set(late) <= set(chosen[:6])
    assert len(chosen) > 20, "the burst goes on as well"


def test_runs_behind_another_workflows_burst_are_among_the_next(
    trigger: Trigger, note_workflow: Workflow, connection: Connection
) -> None:
    runs(note_workflow, events(trigger, [f"P{number}" for number in range(120)]))
    late = runs(publish(trigger, connection), events(trigger, ["PA", "PB", "PC"]))

    chosen = scheduler.SCHEDULE.next(100)

    assert set(late) <= set(chosen[:6])
    assert len(chosen) == 100, "the burst goes on as well"


@pytest.mark.parametrize(
    ("of_one", "of_another", "found_of_them", "cut"),
    [(300, 1, 51, True), (300, 0, 100, True), (20, 1, 21, False), (0, 0, 0, False)],
)
def test_a_look_says_whether_it_left_out_what_is_due(
    trigger: Trigger, note_workflow: Workflow, of_one: int, of_another: int, found_of_them: int, cut: bool
) -> None:
    other = another("Other")
    theirs = publish(other, other.connection)
    runs(note_workflow, events(trigger, [f"P{number:03}" for number in range(of_one)]))
    runs(theirs, events(other, [f"P{number:03}" for number in range(of_another)]))
    candidates = Candidates(scheduler.SCHEDULE)

    candidates.look(100)

    assert (sum(1 for _ in iter(partial(candidates.take, in_flight.AtOnce()), None)), candidates.cut) == (
        found_of_them,
        cut,
    )


def test_of_each_lane_only_the_first_is_due_the_oldest_lane_first(trigger: Trigger) -> None:
    seqs = events(trigger, ["PZ", "PZ", "PA", "PZ", "PA"])

    assert [event.seq for event in fanout._heads()] == [seqs[0], seqs[2]]


@pytest.mark.parametrize(
    "held",
    [
        {"status": "paused", "pause_reason": "person"},
        {"status": "waiting", "due_at": timezone.now() + timedelta(days=1)},
        {"status": "running", "lease_until": timezone.now() + timedelta(days=1)},
    ],
    ids=["paused", "waiting", "taken"],
)
def test_a_held_run_holds_its_lane_and_no_other(
    trigger: Trigger, note_workflow: Workflow, held: dict[str, Any]
) -> None:
    seqs = runs(note_workflow, events(trigger, ["PA", "PA", "PB"]))
    Run.objects.filter(seq=seqs[0]).update(**held)

    assert found() == [seqs[2]]
    assert scheduler.anything_due()


def test_what_is_due_behind_more_held_lanes_than_one_look_sees_is_found(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_scheduling, "_HOPS", 3)
    seqs = events(trigger, [f"P{number:02}" for number in range(11)])
    Event.objects.exclude(seq=seqs[-1]).update(lease_until=timezone.now() + timedelta(minutes=1))

    for _ in range(3):
        assert [event.seq for event in fanout._heads()] == [seqs[-1]]
    assert fanout.anything_due()


def test_every_workspace_has_its_turn_when_there_are_more_than_a_look_takes(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_scheduling, "_HOPS", 2)
    everybody = [trigger, *(another(f"Other {number}") for number in range(6))]
    for one in everybody:
        events(one, ["PA", "PB", "PC"])

    served = [Event.objects.get(seq=fanout._SCHEDULE.next(1)[0]).workspace_id for _ in everybody]

    assert sorted(served) == sorted(one.workspace_id for one in everybody)


def test_every_lane_has_its_turn_when_there_are_more_than_a_look_sees(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_scheduling, "_HOPS", 4)
    seqs = events(trigger, [f"P{number:02}" for number in range(20)])

    assert {seq for _ in range(5) for seq in fanout._SCHEDULE.next(4)} == set(seqs)


def test_a_run_that_ended_since_the_look_is_not_taken_up_again(
    trigger: Trigger, note_workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seq,) = runs(note_workflow, events(trigger, ["PA"]))
    Run.objects.update(status="completed", finished_at=timezone.now())
    monkeypatch.setattr(scheduler.SCHEDULE, "next", lambda limit: [seq])

    assert found() == []


def test_an_event_that_was_taken_since_the_look_is_left_alone(
    trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seq,) = events(trigger, ["PA"])
    Event.objects.update(attempts=1, lease_until=timezone.now() + timedelta(seconds=30))
    monkeypatch.setattr(fanout._SCHEDULE, "next", lambda limit: [seq])

    assert fanout._heads() == []


def test_a_look_probes_its_indexes_and_never_reads_the_table(
    trigger: Trigger, note_workflow: Workflow
) -> None:
    runs(note_workflow, events(trigger, [f"P{number}" for number in range(5)] * 40))
    nowhere = fair_scheduling._stored(uuid.UUID(int=0))
    workspace = fair_scheduling._stored(trigger.workspace_id)
    begin, values = fair_scheduling._BEGIN[database.vendor]([(workspace, nowhere, "")])
    values |= {"workspace": nowhere, "hops": 500}
    values["now"] = database.ops.adapt_datetimefield_value(timezone.now())
    postgres = database.vendor == "postgresql"
    with database.cursor() as cursor:
        if postgres:  # what is left then is what it can do without reading everything
            cursor.execute("ANALYZE; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        for lanes, indexes in (
            (fanout._SCHEDULE, ["event_turns", "event_turns"]),
            (scheduler.SCHEDULE, ["run_due_turns", "run_turns"]),
        ):
            for sql, index in zip(
                (fair_scheduling._WORKSPACES, fair_scheduling._LANES), indexes, strict=True
            ):
                explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
                cursor.execute(explain + lanes.filled_in(sql, begin), values)
                plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
                assert index in plan, plan
                assert f"SCAN {lanes.table}" not in plan, plan
                assert "Seq Scan on workflows_" not in plan, plan


def test_a_look_asks_as_often_however_much_waits(
    trigger: Trigger, django_assert_max_num_queries: Any
) -> None:
    events(trigger, [f"P{number}" for number in range(3)] * 100)

    with django_assert_max_num_queries(6):
        assert len(fanout._heads()) == 3


def test_two_workspaces_at_once_all_come_to_their_end_in_order(
    trigger: Trigger, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    other = another("Other")
    publish(other, other.connection)
    for incident in ("PA", "PB"):
        add_note(pagerduty, incident)
    for one in (trigger, other, trigger, other):
        events(one, ["PA", "PB", "PA"])

    worker.drain()

    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}
    for one in (trigger, other):
        for lane in ("PA", "PB"):
            of_lane = Run.objects.filter(workflow__trigger=one, lane=lane)
            begun = list(of_lane.order_by("started_at").values_list("event_id", flat=True))
            assert begun == sorted(begun)
            assert len(begun) == (4 if lane == "PA" else 2)
