"""The counts of `make chaos` see what they are there to see."""

import json
import sqlite3
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from bench.chaos import counts
from workflows.models import Event, Run, Workflow

pytestmark = pytest.mark.django_db
NOW = timezone.now()


class Looked:
    """As bench.stack.Stack, of the test's own database and of notes that were handed in."""

    def __init__(self, notes: list[str]) -> None:
        self._theirs = sqlite3.connect(":memory:")
        self._theirs.execute("CREATE TABLE docs (seq INTEGER PRIMARY KEY, kind, account, body)")
        for note in notes:
            body = json.dumps({"content": note})
            self._theirs.execute(
                "INSERT INTO docs (kind, account, body) VALUES ('note', ?, ?)", [note.split("-")[0], body]
            )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with database.cursor() as cursor:
            cursor.execute(sql)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def theirs(self, sql: str) -> list[tuple[Any, ...]]:
        return self._theirs.execute(sql).fetchall()


def happened(
    workflow: Workflow, name: str, *, begun: datetime = NOW, status: str = "completed", event: str = "done"
) -> None:
    told = Event.objects.create(
        workspace_id=workflow.workspace_id,
        trigger=workflow.trigger,
        external_id=name,
        event_type="incident.triggered",
        lane=name.split("-", maxsplit=1)[0],
        body=b"{}",
        status=event,
    )
    Run.objects.create(
        id=uuid.uuid4(),
        workspace_id=workflow.workspace_id,
        workflow=workflow,
        version=workflow.live,
        event=told,
        lane=told.lane,
        status=status,
        started_at=begun,
        finished_at=None if status == "running" else begun + timedelta(seconds=2),
    )


def counted(notes: list[str], accepted: list[str]) -> counts.Counts:
    return counts.count(Looked(notes), accepted)  # type: ignore[arg-type]


def test_all_is_well(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-0")
    happened(note_workflow, "P1-1", begun=NOW + timedelta(seconds=2))

    assert counted(["P1-0", "P1-1"], ["P1-0", "P1-1"]) == counts.Counts(0, 0, 0, 0, 0)


def test_a_lost_event_and_a_lost_note_are_seen(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-0")

    assert counted([], ["P1-0"]).lost == 1
    assert counted(["P1-0"], ["P1-0", "P1-1"]).lost == 2


def test_a_note_that_is_there_twice_is_seen(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-0")

    assert counted(["P1-0", "P1-0"], ["P1-0"]).doubled_notes == 1


def test_a_run_that_began_before_the_one_before_it_ended_is_seen(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-0")
    happened(note_workflow, "P1-1", begun=NOW + timedelta(seconds=1))

    assert counted(["P1-0", "P1-1"], []).out_of_order == 1


def test_events_and_notes_in_the_wrong_order_are_seen(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-1")
    happened(note_workflow, "P1-0", begun=NOW + timedelta(seconds=2))

    assert counted(["P1-1", "P1-0"], ["P1-0", "P1-1"]).out_of_order == 2


def test_what_has_no_end_or_failed_is_stuck(note_workflow: Workflow) -> None:
    happened(note_workflow, "P1-0", status="running")
    happened(note_workflow, "P2-0", event="failed")

    assert counted(["P1-0", "P2-0"], ["P1-0", "P2-0"]).stuck == 2
