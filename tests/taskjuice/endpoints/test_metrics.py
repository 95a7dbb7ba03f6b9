"""/metrics: who may read it, what it says, and that dashboard and alerts ask for nothing that it does not say."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import responses
import yaml
from django.conf import settings as project_settings
from django.db import OperationalError
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from connections.grants import tokens
from connections.models import Connection, Grant
from core import metrics
from core.errors import Problem
from tests.factories import API, DANA, SYSTEM, add_note, incident_event
from tests.support.present import present
from workflows import worker
from workflows.calls import pipeline
from workflows.engine import fanout
from workflows.models import Event, Heartbeat, Run, Trigger, Workflow
from workflows.queue import heartbeat
from workflows.queue import metrics as metrics_of
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
ROOT = Path(project_settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
TOKEN = "a-token-of-the-operators"
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look"}
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read() -> Figures:
    """Every sample by name and labels."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.content.decode()))
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((f"taskjuice_{name}", frozenset(labels.items())), 0.0)


def risen(before: Figures, name: str, **labels: str) -> float:
    return value(read(), name, **labels) - value(before, name, **labels)


def note(connection: Connection) -> None:
    """Write a note with it, as a client of the API does."""
    key = "pagerduty/create-incident-note"
    pipeline.call_action(actor=SYSTEM, connection=connection, action_key=key, data=NOTE, origin="api")


@pytest.fixture(autouse=True)
def _development(settings: Any) -> None:
    settings.DEVELOPMENT = True
    settings.METRICS_TOKEN = ""


class TestWhoMayReadIt:
    @pytest.mark.parametrize(
        ("header", "status"),
        [
            (f"Bearer {TOKEN}", 200),
            (f"bearer  {TOKEN} ", 200),
            ("", 401),
            ("Bearer", 401),
            (f"Bearer {TOKEN}x", 401),
            (f"Bearer {TOKEN[:-1]}", 401),
            (f"Basic {TOKEN}", 401),
            ("Bearer \u00fc\ud800", 401),
            ("Bearer " + "x" * 100_000, 401),
        ],
    )
    def test_a_token_that_is_set_is_asked_for_everywhere(
        self, settings: Any, header: str, status: int
    ) -> None:
        settings.METRICS_TOKEN = TOKEN

        answer = Client().get("/metrics", HTTP_AUTHORIZATION=header)

        assert answer.status_code == status
        if status == 401:
            assert answer["WWW-Authenticate"] == "Bearer"
            assert answer.content == b""

    def test_without_one_there_is_no_such_page_in_production(self, settings: Any) -> None:
        settings.DEVELOPMENT = False
        assert Client().get("/metrics").status_code == 404
        assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404

    @pytest.mark.parametrize(
        ("seen", "status"),
        [
            ({}, 200),
            ({"REMOTE_ADDR": "::1"}, 200),
            ({"REMOTE_ADDR": "10.0.0.7"}, 404),
            ({"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 404),
        ],
    )
    def test_without_one_only_this_machine_gets_in_in_development(
        self, seen: dict[str, Any], status: int
    ) -> None:
        assert Client().get("/metrics", **seen).status_code == status

    def test_it_is_for_reading(self) -> None:
        assert Client().post("/metrics").status_code == 405


class TestWhatIsCounted:
    def test_deliveries_by_verdict(self, deliver: Any, trigger: Trigger, connection: Connection) -> None:
        before = read()
        new = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
        )
        event = incident_event()
        for payload, options in (
            (event, {}),
            (event, {}),
            (incident_event("incident.brand_new"), {}),
            (event, {"secret": "another one"}),
            (event, {"HTTP_X_PAGERDUTY_SIGNATURE": ""}),
            (event, {"to": new}),
        ):
            deliver(payload, **options)

        for verdict, times in {"accepted": 1, "duplicate": 1, "ignored": 1, "refused": 2, "held": 1}.items():
            assert risen(before, "deliveries_total", verdict=verdict) == times

    def test_a_delivery_that_could_not_be_stored(self, deliver: Any, monkeypatch: Any) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("disk full")

        before = read()
        monkeypatch.setattr("workflows.models.Event.save", fail)
        deliver(incident_event())

        assert risen(before, "deliveries_total", verdict="not_stored") == 1
        assert risen(before, "deliveries_total", verdict="accepted") == 0
        assert risen(before, "log_lines_total", level="error") >= 1

    @pytest.mark.parametrize(("status", "result"), [(201, "completed"), (404, "failed")])
    def test_runs_and_attempts_by_how_they_ended(
        self,
        deliver: Any,
        note_workflow: Workflow,
        pagerduty: responses.RequestsMock,
        status: int,
        result: str,
    ) -> None:
        before, action = read(), "pagerduty/create-incident-note"
        add_note(pagerduty, status=status)
        deliver(incident_event())
        worker.drain()

        assert risen(before, "runs_total", result=result) == 1
        assert risen(before, "call_attempts_total", action=action, result=result) == 1
        assert risen(before, "call_seconds_count", action=action) == 1

    def test_an_attempt_by_moment_while_it_is_under_way_and_after(
        self, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        before, meanwhile = read(), Figures()

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            meanwhile.update(read())
            return 201, {}, json.dumps({"note": {"id": "N1", "content": NOTE["content"]}})

        pagerduty.add_callback("POST", f"{API}/incidents/PINC1/notes", callback=answer)
        note(connection)

        assert value(meanwhile, "attempts_under_way", moment="exchange") == 1
        for moment in ("write_ahead", "exchange", "settle"):
            assert risen(before, "attempts_under_way", moment=moment) == 0
            assert value(meanwhile, "attempts_under_way", moment=moment) == (moment == "exchange")
            assert risen(before, "attempt_seconds_count", moment=moment) == 1
        whole = risen(before, "call_seconds_sum", action="pagerduty/create-incident-note")
        parts = sum(risen(before, "attempt_seconds_sum", moment=moment) for moment in metrics_of.MOMENTS)
        assert parts == pytest.approx(whole)
        assert parts > 0

    def test_an_attempt_that_breaks_off_is_no_longer_under_way(
        self, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        before = read()
        pagerduty.post(f"{API}/incidents/PINC1/notes", body=SystemError("a bug"))
        with pytest.raises(SystemError):
            note(connection)

        for moment in metrics_of.MOMENTS:
            assert risen(before, "attempts_under_way", moment=moment) == 0
            assert risen(before, "attempt_seconds_count", moment=moment) == 0

    def test_a_429_and_what_waits_because_of_it(
        self, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        before = read()
        pagerduty.post(f"{API}/incidents/PINC1/notes", status=429, headers={"Retry-After": "60"})
        for _ in range(2):
            note(connection)

        assert risen(before, "provider_refusals_total", provider="pagerduty") == 1
        assert risen(before, "budget_waits_total", because="blocked") == 1
        assert value(read(), "budgets", state="blocked") == value(read(), "budgets", state="exhausted") == 1

    @pytest.mark.parametrize(
        ("status", "answer", "result"),
        [
            (200, {"access_token": "a", "refresh_token": "r", "expires_in": 3600}, "stored"),
            (503, {}, "failed"),
            (400, {"error": "invalid_grant"}, "refused"),
        ],
    )
    def test_refreshes_by_how_they_ended(
        self, connection: Connection, status: int, answer: dict[str, Any], result: str
    ) -> None:
        before = read()
        Grant.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
        with responses.RequestsMock() as outside:
            outside.post(f"{project_settings.PAGERDUTY_IDENTITY_URL}/oauth/token", status=status, json=answer)
            with contextlib.suppress(Problem):
                tokens.access_token(connection)

        assert risen(before, "refreshes_total", result=result) == 1
        assert value(read(), "grants_failing") == (result == "failed")
        assert value(read(), "connections", status="error") == (result == "refused")


class TestWhatTheRowsSay:
    def test_how_long_the_oldest_of_each_has_waited(
        self, deliver: Any, note_workflow: Workflow, connection: Connection
    ) -> None:
        assert [value(read(), f"oldest_{kind}_seconds") for kind in ("event", "run", "held")] == [0, 0, 0]
        new = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
        )
        for _ in range(3):
            deliver(incident_event())
        deliver(incident_event(), to=new)
        long_ago = timezone.now() - timedelta(seconds=500)
        Event.objects.filter(seq=Event.objects.order_by("seq").values("seq")[1:2]).update(
            received_at=long_ago
        )
        new.held.update(received_at=long_ago)

        figures = read()
        assert value(figures, "events_queued") == 3
        assert value(figures, "held_deliveries") == 1
        for kind in ("event", "held"):
            assert 500 <= value(figures, f"oldest_{kind}_seconds") < 560

    def test_runs_and_calls_that_nobody_takes_up(
        self, deliver: Any, note_workflow: Workflow, connection: Connection
    ) -> None:
        deliver(incident_event())
        fanout.fan_out_due()
        made = pipeline.call_action(
            actor=SYSTEM,
            connection=connection,
            action_key="pagerduty/create-incident-note",
            data=NOTE,
            origin="api",
            start=False,
        )
        long_ago = timezone.now() - timedelta(seconds=300)
        Run.objects.update(due_at=long_ago)
        type(made).objects.update(next_attempt_at=long_ago)

        figures = read()
        assert value(figures, "runs_unfinished", status="pending") == 1
        assert value(figures, "runs_waiting", reason="worker") == 1
        for kind in ("run", "call"):
            assert 300 <= value(figures, f"oldest_{kind}_seconds") < 360

    def test_each_machine_until_it_has_been_silent_for_a_day(self) -> None:
        heartbeat.beat("here")
        for name, hours in (("there", 2), ("gone", 30)):
            Heartbeat.objects.create(name=name, beat_at=timezone.now() - timedelta(hours=hours))

        figures = read()
        assert value(figures, "heartbeat_age_seconds", node="here") < 60
        assert 7200 <= value(figures, "heartbeat_age_seconds", node="there") < 7260
        assert ("taskjuice_heartbeat_age_seconds", frozenset({("node", "gone")})) not in figures

    def test_the_last_machine_is_missed_however_long_it_is_silent(self) -> None:
        Heartbeat.objects.create(name="gone", beat_at=timezone.now() - timedelta(hours=30))
        assert value(read(), "heartbeat_age_seconds", node="gone") > 100_000

    def test_what_the_database_does_not_answer_is_left_out(self, monkeypatch: Any) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("canceling statement due to statement timeout")

        monkeypatch.setattr("workflows.worker.gauges._count", fail)
        figures = read()

        assert ("taskjuice_database_answers", frozenset()) in figures
        assert value(figures, "database_answers") == 0
        assert ("taskjuice_held_deliveries", frozenset()) not in figures
        assert ("taskjuice_events_queued", frozenset()) in figures
        monkeypatch.undo()
        assert value(read(), "database_answers") == 1

    def test_no_query_reads_all_that_ever_was(self, db: None) -> None:
        """Tables that grow with time are read by an index of what is open."""
        queries: list[tuple[str, Any]] = []

        def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if re.match(r"SELECT.*workflows_(event|run|actioncall|hookdelivery)\b", sql, re.DOTALL):
                queries.append((sql, params))
            return execute(sql, params, many, context)

        with database.execute_wrapper(listen):
            read()

        assert len(queries) >= 5
        for sql, params in queries:
            assert _read_whole(sql, params) == [], sql


def _read_whole(sql: str, params: Any) -> list[str]:
    """The steps of the plan that read a whole table. The parameters stay such: SQLite's plans depend on that."""
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps = [row[3] for row in cursor.fetchall()]
            return [step for step in steps if step.startswith("SCAN workflows_") and "USING" not in step]
        for way in ("seqscan", "mergejoin", "hashjoin"):  # which it prefers for tables as small as here
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        # A primary key finds rows one by one, or is read from its beginning.
        lines = [*(row[0] for row in cursor.fetchall()), ""]
        return [
            line
            for line, below in pairwise(lines)
            if "Seq Scan on workflows_" in line
            or (re.search(r"workflows_\w+_pkey", line) and "Index Cond" not in line + below)
        ]


def _expressions(found: Any) -> Iterator[str]:
    """Every `expr` inside."""
    if isinstance(found, dict):
        for name, inner in found.items():
            if name == "expr":
                yield inner
            else:
                yield from _expressions(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from _expressions(inner)


ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())


def test_dashboard_and_alerts_ask_for_nothing_that_is_not_there(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    heartbeat.beat("here")
    add_note(pagerduty)
    note(connection)
    there = read()
    names = {name for name, _ in there}
    labelled = {(name, *label) for name, labels in there for label in labels}
    grouped = {(name, label) for name, labels in there for label, _ in labels}

    expressions = [*_expressions(ALERTS), *_expressions(DASHBOARD)]
    assert len(expressions) > 30
    for expression in expressions:
        used = re.findall(r"(taskjuice_\w+)(?:\{(\w+)=\"(\w+)\"\})?", expression)
        assert used, expression
        for name, label, wanted in used:
            assert name in names, expression
            assert not label or (name, label, wanted) in labelled, expression
        for by in re.findall(r"by \(([\w, ]+)\)", expression):
            for label in set(by.split(", ")) - {"instance"}:
                assert any((name, label) in grouped for name, _, _ in used), expression
    shown = {
        name for expression in _expressions(DASHBOARD) for name in re.findall(r"taskjuice_\w+", expression)
    }
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert families == {name.removesuffix("_bucket") for name in shown}, "the dashboard shows every figure"


def test_each_alert_says_what_to_do() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "warn", "info"}
    read_about = (ROOT / "docs" / "operations.md").read_text()
    assert [rule["alert"] for rule in rules if rule["alert"] not in read_about] == []


COUNT_AND_DIE = """
import os, signal, sys
from core.metrics import REFRESHES
REFRESHES.labels("stored").inc()
if sys.argv[1] == "forks":
    if os.fork() == 0:
        REFRESHES.labels("stored").inc()
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    REFRESHES.labels("stored").inc()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_processes_counted_stays_counted_in_no_more_files(
    tmp_path: Path, monkeypatch: Any
) -> None:
    env = {"PATH": os.environ["PATH"], metrics.FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    for how in ("alone", "forks", "alone", "alone"):
        done = subprocess.run([sys.executable, "-c", COUNT_AND_DIE, how], env=env, cwd=ROOT, check=False)
        assert done.returncode < 0

    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    assert value(read(), "refreshes_total", result="stored") == 6
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["0.lock", "1.lock"]
    metrics.clean(tmp_path)
    assert list(tmp_path.iterdir()) == []


WORK = """
import os, sys
from core.metrics import gauge
gauge("taskjuice_in_flight", "As a worker process has it").set(5)
print("set", flush=True)
sys.stdin.read()
"""


def test_what_a_process_has_in_flight_ends_with_it_however_it_ends(tmp_path: Path, monkeypatch: Any) -> None:
    env = {"PATH": os.environ["PATH"], metrics.FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))

    def work() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WORK]
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert present(process.stdout).readline() == b"set\n"
        return process

    killed, other = work(), work()
    assert value(read(), "in_flight") == 10
    killed.kill()
    killed.wait()
    assert value(read(), "in_flight") == 5
    assert value(read(), "in_flight") == 5, "the lock of a living process is as it was"
    replacement = work()  # in the slot of the killed one
    assert sorted(path.name for path in tmp_path.glob("*.lock")) == ["0.lock", "1.lock"]
    assert value(read(), "in_flight") == 10
    for process in (other, replacement):
        process.communicate()
    assert value(read(), "in_flight") == 0


def test_a_token_that_could_be_guessed_stops_the_start() -> None:
    env = {"PATH": os.environ["PATH"], "METRICS_TOKEN": "short"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "METRICS_TOKEN needs at least 16 characters" in done.stderr
