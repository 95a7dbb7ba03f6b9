"""The admin with many rows: queries that do not grow with them, and none that reads them all."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection as database
from django.db.models import AutoField, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from connections.accounts import api_keys
from connections.admin.shared import counting
from connections.models import Account, AuditEvent, Connection, Membership, Notice, User, Workspace
from tests.connections.admin.staff import page_of, staff
from tests.factories import SYSTEM, People, connect
from workflows.models import (
    ActionCall,
    Event,
    Run,
    StepRun,
    Trigger,
    TriggerSecret,
    Workflow,
    WorkflowVersion,
)

pytestmark = pytest.mark.slow

MANY = 100_000
NOW = datetime(2026, 10, 5, 12, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def support(who: People) -> Client:
    return staff(User.objects.create_user("sam@taskjuice.example"), "Support")


@pytest.fixture
def alice(who: People) -> Client:
    return staff(who.alice, "Agency support")


def queries(browser: Client, path: str) -> list[str]:
    with CaptureQueriesContext(database) as asked:
        answer = browser.get(path)
    assert answer.status_code == 200, path
    return [query["sql"] for query in asked.captured_queries]


def one_more_of_each(who: People, number: int) -> None:
    """A workspace of Alice's agency with a row of everything in it."""
    workspace = Workspace.objects.create(account=who.agency, name=f"Client {number}")
    member = User.objects.create_user(f"member{number}@agency.example")
    Membership.objects.create(account=who.agency, user=member, role="member")
    connection = connect(workspace, f"Connection {number}")
    Notice.objects.create(connection=connection, kind="reconnection_needed", occasion="x")
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=workspace, name="Key", scopes=[])
    AuditEvent.objects.create(
        account=who.agency, workspace=workspace, connection=connection, actor_kind="api_key",
        actor_label="x", api_key=key, user=member, action="connection.checked",
    )  # fmt: skip
    where = {"workspace": workspace}
    trigger = Trigger.objects.create(
        **where, connection=connection, key="pagerduty/incident-triggered", name="T"
    )
    TriggerSecret.objects.create(trigger=trigger, secret="v1.x.y", created_by=member)
    event = Event.objects.create(**event_fields(trigger, number))
    workflow = Workflow.objects.create(**where, trigger=trigger, name="W")
    version = WorkflowVersion.objects.create(workflow=workflow, number=1, definition={"steps": []})
    run = Run.objects.create(**where, workflow=workflow, version=version, event=event, lane="L")
    call = ActionCall.objects.create(
        **where, connection=connection, action="a/b", origin="step", input={}, user=member
    )
    StepRun.objects.create(run=run, position=0, key="note", action="a/b", call=call)
    times = {"started": NOW, "stopped": NOW, "func": "workflows.worker.drain"}
    Success.objects.create(id=f"a{number:031}", name="x", success=True, **times)
    Failure.objects.create(id=f"b{number:031}", name="x", success=False, **times)
    Schedule.objects.create(func="workflows.worker.housekeeping")
    OrmQ.objects.create(key="taskjuice", payload="x")


def event_fields(trigger: Trigger, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "workspace_id": trigger.workspace_id,
        "trigger": trigger,
        "external_id": f"E{number}",
        "event_type": "incident.triggered",
        "lane": f"P{number % 1000}",
        "body": b"{}",
        "status": "done",
        "received_at": NOW - timedelta(minutes=number),
    } | changes


def lists() -> Iterator[str]:
    for model in admin.site._registry:
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


@pytest.mark.parametrize("person", ["support", "alice"])
def test_no_list_takes_more_queries_for_many_rows_than_for_one(
    request: pytest.FixtureRequest, who: People, person: str
) -> None:
    browser: Client = request.getfixturevalue(person)
    paths = [path for path in lists() if browser.get(path).status_code == 200]
    assert len(paths) >= 12

    def counted() -> dict[str, int]:
        return {path: len(queries(browser, path)) for path in paths}

    one_more_of_each(who, 0)
    few = counted()
    for number in range(1, 8):
        one_more_of_each(who, number)

    assert counted() == few
    assert max(few.values()) <= 11


def test_no_page_takes_more_queries_for_a_row_with_much_in_it(support: Client, who: People) -> None:
    one_more_of_each(who, 0)
    trigger, workflow, run = Trigger.objects.get(), Workflow.objects.get(), Run.objects.get()

    def counted() -> list[int]:
        return [len(queries(support, page_of(row))) for row in (who.agency, trigger, workflow, run)]

    counted()  # what Django looks up once
    few = counted()
    for number in range(1, 8):
        member = User.objects.create_user(f"more{number}@agency.example")
        Membership.objects.create(account=who.agency, user=member, role="member")
        TriggerSecret.objects.create(trigger=trigger, secret="v1.x.y", created_by=member)
        WorkflowVersion.objects.create(
            workflow=workflow, number=number + 1, definition={"steps": []}, published_by=member
        )
        call = ActionCall.objects.create(
            workspace=run.workspace, connection=trigger.connection, action="a/b", origin="step", input={}
        )
        StepRun.objects.create(run=run, position=number, key="note", action="a/b", call=call)

    assert counted() == few


def test_a_list_does_not_load_what_it_does_not_show(support: Client, who: People) -> None:
    one_more_of_each(who, 0)

    for path, column in {
        "/admin/workflows/event/": '"body"',
        "/admin/workflows/actioncall/": '"output"',
        "/admin/workflows/workflow/": '"draft"',
        "/admin/connections/grant/": '"access_token"',
        "/admin/connections/apikey/": '"digest"',
        "/admin/django_q/success/": '"args"',
    }.items():
        assert not [sql for sql in queries(support, path) if column in sql], path


# --- a hundred thousand ------------------------------------------------------------------------------------
# What makes a copy of a row another row, in each database's own words; i counts the copies.
OTHERWISE = {
    "sqlite": {
        "id": "lower(hex(randomblob(16)))",
        "external_id": "'E' || i",
        "created_at": "datetime(created_at, '-' || i || ' minutes')",
        "received_at": "datetime(received_at, '-' || i || ' minutes')",
    },
    "postgresql": {
        "id": "gen_random_uuid()",
        "external_id": "'E' || i",
        "created_at": "created_at - i * interval '1 minute'",
        "received_at": "received_at - i * interval '1 minute'",
    },
}


def copy(row: Model) -> str:
    """MANY rows like that one, a minute apart, in the table whose name it answers.

    The database makes them by itself: bulk_create takes 18 s for as many on SQLite.
    """
    table, otherwise = row._meta.db_table, OTHERWISE[database.vendor]
    columns = [str(field.column) for field in row._meta.concrete_fields if not isinstance(field, AutoField)]
    values = ", ".join(otherwise.get(column, column) for column in columns)
    numbers = f"n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) WITH RECURSIVE {numbers} SELECT {values} FROM {table}, n"
        )
        cursor.execute(f"ANALYZE {table}")
    return table


def fill_audit(who: People) -> str:
    what = {"actor_kind": "system", "actor_label": "TaskJuice", "action": "a.b", "created_at": NOW}
    return copy(AuditEvent.objects.create(account=who.agency, workspace=who.acme, **what))


def fill_events(who: People) -> str:
    trigger = Trigger.objects.create(
        workspace=who.acme, connection=connect(who.acme), key="pagerduty/incident-triggered", name="T"
    )
    return copy(Event.objects.create(**event_fields(trigger, 0)))


BIG: dict[str, tuple[str, str, Callable[[People], str]]] = {
    "audit": ("/admin/connections/auditevent/", "created_at", fill_audit),
    "events": ("/admin/workflows/event/", "received_at", fill_events),
}


def plan(sql: str) -> str:
    """How the database goes about it, as it says itself."""
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "\n".join(row[3] for row in cursor.fetchall())
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        return json.dumps(cursor.fetchone()[0])


def rows_read(how: str, table: str, sql: str) -> str | None:
    """The plan, if it reads most of the table; None when it stops early or goes by an index."""
    if database.vendor == "sqlite":
        whole = [
            line for line in how.splitlines() if line.startswith(f"SCAN {table}") and "INDEX" not in line
        ]
        sorts = "TEMP B-TREE FOR ORDER BY" in how
        return how if (whole and "LIMIT" not in sql) or sorts else None
    most = max(_actual_rows(json.loads(how)[0]["Plan"], table), default=0)
    return how if most > MANY / 2 else None


def _actual_rows(node: dict[str, Any], table: str) -> Iterator[float]:
    """Rows that each look into `table` brought up, those thrown away included."""
    if node.get("Relation Name") == table:
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for part in node.get("Plans", []):
        yield from _actual_rows(part, table)


@pytest.mark.parametrize("kind", list(BIG))
def test_a_list_of_a_hundred_thousand_rows_is_neither_counted_nor_read_whole(
    support: Client, who: People, kind: str
) -> None:
    path, date, fill = BIG[kind]
    table = fill(who)

    for query in ("", "?p=200", f"?{date}__year=2026", f"?{date}__year=2026&{date}__month=9"):
        for sql in (sql for sql in queries(support, path + query) if table in sql):
            assert "COUNT(*)" not in sql or f"LIMIT {counting.MOST + 1}" in sql
            assert "DISTINCT" not in sql
            assert rows_read(plan(sql), table, sql) is None, sql

    page = support.get(path).content.decode()
    assert f"{counting.MOST}+ " in page
    assert f"{date}__month=8" in page


def test_the_calendar_offers_what_lies_between_the_first_row_and_the_last(
    support: Client, who: People
) -> None:
    for moment in (NOW.replace(year=2025, month=9), NOW):
        AuditEvent.objects.create(
            account=who.agency, actor_kind="system", actor_label="x", action="x", created_at=moment
        )
    path = "/admin/connections/auditevent/"

    years = support.get(path).content.decode()
    months = support.get(f"{path}?created_at__year=2025").content.decode()
    days = support.get(f"{path}?created_at__year=2026&created_at__month=10").content.decode()

    assert ">2025</a>" in years
    assert ">2026</a>" in years
    assert "August 2025" not in months
    assert "September 2025" in months
    assert "December 2025" in months
    assert "1 October" in days
    assert "6 October" not in days
    assert "1 audit event" in months


@pytest.mark.parametrize("query", ["year=9999", "year=0", "year=x", "year=2026&created_at__month=13"])
def test_a_date_that_no_calendar_has_leads_back_to_the_list(support: Client, who: People, query: str) -> None:
    answer = support.get(f"/admin/connections/auditevent/?created_at__{query}")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/connections/auditevent/?e=1")


def test_the_last_page_that_is_counted_can_be_opened(
    support: Client, who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST", 60)
    Account.objects.bulk_create(Account(name=f"A{number}") for number in range(100))

    first = support.get("/admin/connections/account/").content.decode()

    assert "60+ accounts" in first
    assert support.get("/admin/connections/account/?p=2").status_code == 200
    assert Connection.objects.count() == 0
