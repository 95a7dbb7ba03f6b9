"""What workers ask again and again is answered by an index, on both databases and under row-level security."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.apps import apps
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from tests.factories import add_note, incident_event
from tests.world import world
from workflows import worker
from workflows.models import ActionCall, Deadline, Event, Run, StepRun, Trigger, Workflow
from workflows.retention import prune

pytestmark = pytest.mark.django_db

# The tables that grow with every event.
GROWING = (
    "workflows_event",
    "workflows_run",
    "workflows_steprun",
    "workflows_actioncall",
    "workflows_hookdelivery",
    "workflows_trace",
    "workflows_deadline",
    "connections_auditevent",
)

PARTIAL = {index.name for model in apps.get_models() for index in model._meta.indexes if index.condition}

# A plan of SQLite's is the same for any number of rows.
MANY = 1000 if database.vendor == "postgresql" else 100


def history(trigger: Trigger, workflow: Workflow) -> None:
    """Enough that ended, so that PostgreSQL does not rather read a table of a few rows as a whole."""
    when, of = timezone.now() - timedelta(days=1), trigger.workspace_id
    events = Event.objects.bulk_create(
        Event(workspace_id=of, trigger=trigger, external_id=f"OLD{number}", event_type="incident.triggered",
              lane=f"POLD{number}", body=b"{}", status="done", received_at=when)
        for number in range(MANY)
    )  # fmt: skip
    calls = ActionCall.objects.bulk_create(
        ActionCall(workspace_id=of, connection=trigger.connection, action="x/y", origin=("api", "step")[number % 2],
                   input={}, status="completed", output={}, fingerprint=f"{number:064}", finished_at=when)
        for number in range(MANY)
    )  # fmt: skip
    runs = Run.objects.bulk_create(
        Run(workspace_id=of, workflow=workflow, version=workflow.live, event=event, lane=event.lane,
            status="completed", finished_at=when)
        for event in events
    )  # fmt: skip
    StepRun.objects.bulk_create(
        StepRun(
            run=run, position=0, key="note", action="x/y", status="completed", call=call, finished_at=when
        )
        for run, call in zip(runs, calls, strict=True)
    )
    Deadline.objects.bulk_create(
        Deadline(trigger=trigger, subject=event.lane, status="passed", since=when - timedelta(hours=1), told_at=when,
                 due_at=when, ended_at=when)
        for event in events
    )  # fmt: skip
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")


def asked_by(work: Callable[[], Any]) -> dict[str, Any]:
    """Each statement once, with the parameters it first had. How lanes are found is test_turns' business."""
    statements: dict[str, Any] = {}

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)\b", sql):
            statements.setdefault(sql, params)
        return execute(sql, params, many, context)

    with database.execute_wrapper(listen):
        work()
    return statements


def reads_whole(sql: str, params: Any) -> list[str]:
    """The steps of its plan that go through all rows of a growing table, or through an index from end to end."""
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps = [row[3] for row in cursor.fetchall()]
            whole = re.compile(
                rf"SCAN ({'|'.join(GROWING)})\b(?! USING (COVERING )?INDEX ({'|'.join(PARTIAL)})\b)"
            )
            return [step for step in steps if whole.match(step)]
        # What is left then is what no index answers. Of a few rows it would rather join all.
        for way in ("seqscan", "mergejoin", "hashjoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return [step["Node Type"] for step in _steps(cursor.fetchone()[0][0]["Plan"]) if _is_whole(step)]


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _steps(inner)


def _is_whole(step: dict[str, Any]) -> bool:
    """Of PostgreSQL's. An index that it reads as a whole is not told from one that it rightly prefers for a few rows;
    SQLite's plans, which know no sizes, have that found.
    """
    return step["Node Type"] == "Seq Scan" and step["Relation Name"] in GROWING


@pytest.mark.parametrize("work", ["drain", "send_hooks", "housekeeping", "anything_due"])
def test_nothing_reads_all_that_ever_happened(work: str, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # It goes through what is old of one agency; with a single one, as here, that is everything.
    monkeypatch.setattr(prune, "prune", lambda: 0)
    there = world()
    history(
        Trigger.objects.get(pk=there.ids["trigger_id"]), Workflow.objects.get(pk=there.ids["workflow_id"])
    )

    statements = asked_by(getattr(worker, work))

    assert statements
    bad = {sql: steps for sql, params in statements.items() if (steps := reads_whole(sql, params))}
    assert not bad, "\n\n".join(f"{steps}\n  {sql}" for sql, steps in bad.items())


def test_a_run_reads_nothing_but_its_own(
    deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    history(note_workflow.trigger, note_workflow)
    deliver(incident_event())

    statements = asked_by(worker.drain)

    bad = {sql: steps for sql, params in statements.items() if (steps := reads_whole(sql, params))}
    assert not bad, "\n\n".join(f"{steps}\n  {sql}" for sql, steps in bad.items())


def gone_through(sql: str, params: Any) -> list[Any]:
    """The steps of its plan that go through a growing table from an end of it, until they find something."""
    if database.vendor == "sqlite":
        return reads_whole(sql, params)
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        steps = _steps(cursor.fetchone()[0][0]["Plan"])
    growing = [step for step in steps if step.get("Relation Name") in GROWING]
    return [step for step in growing if not step.keys() & {"Index Cond", "Recheck Cond"}]


def asked_by_page(client: Client, page: str) -> dict[str, Any]:
    """As `asked_by`, for an owner one of whose workflows has a history, and the others none."""
    there = world()
    workflow = Workflow.objects.get(pk=there.ids["workflow_id"])
    history(workflow.trigger, workflow)
    client.force_login(there.who.alice, backend="django.contrib.auth.backends.ModelBackend")
    return asked_by(lambda: client.get(page))


@pytest.mark.parametrize("page", ["/triggers/", "/workflows/"])
def test_what_is_quiet_is_not_looked_for_among_what_is_busy(client: Client, page: str) -> None:
    statements = asked_by_page(client, page)

    assert any("workflows_event" in sql or "workflows_run" in sql for sql in statements)
    bad = {sql: steps for sql, params in statements.items() if (steps := gone_through(sql, params))}
    assert not bad, bad


@pytest.mark.parametrize("query", ["", "?status=failed"])
def test_which_runs_are_on_a_page_is_found_without_reading_what_else_they_have(
    client: Client, query: str
) -> None:
    statements = asked_by_page(client, f"/runs/{query}")

    which = [
        (sql, params)
        for sql, params in statements.items()
        if 'FROM "workflows_run"' in sql and "LIMIT" in sql
    ]
    assert len(which) == 1
    assert "JOIN" not in which[0][0]
    with database.cursor() as cursor:
        cursor.execute(
            f"{'EXPLAIN QUERY PLAN' if database.vendor == 'sqlite' else 'EXPLAIN'} {which[0][0]}", which[0][1]
        )
        plan = str(cursor.fetchall())
    assert "run_ended_badly" in plan if query else "run_by_workspace" in plan or "workflows_run_pkey" in plan
