"""What is counted as it happens, and what the rows say."""

import contextlib
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from connections.grants import tokens
from connections.models import Connection, Grant
from core.errors import Problem
from tests.factories import API, SYSTEM, add_note, incident_event
from tests.taskjuice.endpoints.metrics.reading import NOTE, Figures, note, read, risen, value
from workflows import worker
from workflows.calls import pipeline
from workflows.engine import fanout
from workflows.models import Event, Heartbeat, Run, Trigger, Workflow
from workflows.queue import heartbeat
from workflows.queue import metrics as metrics_of
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


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
