"""The bare loop of the drain's figure does to the database what the engine does for the same run."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from django.db import connection as database

from bench import bare_loop, waiting
from tests.factories import API, add_note, incident_event
from workflows import worker
from workflows.engine import fanout
from workflows.models import ActionCall, Run, StepRun, Trace, Workflow

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
_TABLES: tuple[Any, ...] = (Run, ActionCall, StepRun, Trace)
# What differs between any two runs, and digests, which the loop does not compute.
_OWN = {"id", "seq", "event", "run", "call", "chain", "fingerprint", "proof"}


def rows() -> list[dict[str, Any]]:
    """The one row of each table; of times, whether there is one."""
    found = []
    for model in _TABLES:
        names = [field.name for field in model._meta.concrete_fields if field.name not in _OWN]
        row = model.objects.values(*names).get()
        found.append(
            {name: bool(value) if name.endswith(("_at", "_until")) else value for name, value in row.items()}
        )
    return found


@pytest.fixture
def begin(deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock) -> Callable[[], Run]:
    """begin(): a due run of a new event, the only one that there is."""

    def begun() -> Run:
        for model in (Trace, StepRun, ActionCall, Run):
            model.objects.all().delete()
        add_note(pagerduty, "PINC1")
        deliver(incident_event())
        fanout.fan_out_due()
        return Run.objects.get()

    return begun


def by_the_loop(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="cancelled")  # put aside
    given = waiting.hand(1) | {"url": API}
    database.ensure_connection()
    bare_loop.batch(database.connection, requests.Session(), given)


def test_the_loop_leaves_the_rows_that_the_engine_leaves(begin: Callable[[], Run]) -> None:
    begin()
    worker.drain()
    by_engine = rows()
    by_the_loop(begin())

    assert by_engine[0]["status"] == "completed"
    assert rows() == by_engine


def test_a_run_that_a_worker_has_taken_ends_the_loop(begin: Callable[[], Run], monkeypatch: Any) -> None:
    hand = waiting.hand

    def hand_late(count: int) -> Any:
        given = hand(count)
        Run.objects.update(status="running", claims=1)
        return given

    monkeypatch.setattr(waiting, "hand", hand_late)
    with pytest.raises(RuntimeError, match="found nothing"):
        by_the_loop(begin())
    assert not ActionCall.objects.exists()
