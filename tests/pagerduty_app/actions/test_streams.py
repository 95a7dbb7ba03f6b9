"""Listings as streams of lines, and what a listing says of the time it covers."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import connection as database
from django.utils import timezone

from connections.connecting import revoke
from connections.grants.request_budget import Budget, Exhausted
from connections.models import Account, AuditEvent, Connection, Workspace
from core import node_slots, request_slots
from core.db import tenant_scope
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, Ask, connect, people
from tests.support.connection_slots import free_slots, taken_slots
from tests.support.consent import consented
from tests.support.present import present
from tests.support.sandbox_incidents import fill
from workflows import worker
from workflows.calls import pipeline, streams
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox)


@pytest.fixture
def workspace(connection: Connection) -> Any:
    return connection.workspace


def path(connection: Connection, action: str = "list-incidents") -> str:
    return f"connections/{connection.pk}/actions/pagerduty/{action}/"


def lines(answer: Any) -> list[Any]:
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def refusal(answer: Any) -> Any:
    return json.loads(answer.content)["error"]


def act(connection: Connection, **data: Any) -> ActionCall:
    return pipeline.call_action(
        actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data=data, origin="api"
    )


class TestStreams:
    def test_each_row_is_a_line_and_the_last_tells_of_the_whole(
        self, ask: Ask, connection: Connection, sandbox: Sandbox
    ) -> None:
        made = fill(sandbox, 250)

        answer = ask("post", path(connection), {"date_range": "all"}, **NDJSON)
        *rows, last = lines(answer)

        assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-ndjson")
        assert [row["id"] for row in rows] == made
        assert (last["summary"]["complete"], last["summary"]["streamed"]) == (True, 250)
        call = ActionCall.objects.get()
        assert (str(call.pk), call.status, call.origin) == (last["summary"]["id"], "completed", "stream")
        assert "incidents" not in present(call.output), "what went by is not kept"
        assert AuditEvent.objects.filter(action="action.called").count() == 1

    @pytest.mark.parametrize("action", ["list-services", "list-users", "list-schedules", "list-teams"])
    def test_other_lists_stream_too(self, ask: Ask, connection: Connection, action: str) -> None:
        *rows, last = lines(ask("post", path(connection, action), {}, **NDJSON))
        assert len(rows) == last["summary"]["streamed"] > 0

    def test_what_is_no_list_answers_no_stream(self, ask: Ask, connection: Connection) -> None:
        answer = ask("post", path(connection, "get-incident"), {"incident_id": "P1"}, **NDJSON)
        assert (answer.status_code, refusal(answer)["code"]) == (406, "not_streamed")
        assert not ActionCall.objects.exists()

    def test_bad_input_is_refused_before_anything_is_answered(self, ask: Ask, connection: Connection) -> None:
        answer = ask("post", path(connection), {"statuses": ["open"]}, **NDJSON)
        assert (answer.status_code, refusal(answer)["code"]) == (400, "invalid_input")

    def test_a_stream_cannot_be_repeated_by_its_key(self, ask: Ask, connection: Connection) -> None:
        answer = ask("post", path(connection), {}, **NDJSON, **{"Idempotency-Key": "a"})
        assert list(refusal(answer)["fields"]) == ["Idempotency-Key"]

    def test_an_error_in_the_middle_is_the_last_line(
        self, ask: Ask, connection: Connection, sandbox: Sandbox
    ) -> None:
        fill(sandbox, 250)
        stream = ask("post", path(connection), {}, **NDJSON).streaming_content
        first = [next(stream) for _ in range(1 + 100)]
        sandbox.faults.add([{"kind": "status", "status": 503, "path": "/incidents$"}])

        rest = [json.loads(line) for line in b"".join(stream).splitlines()]

        assert len(first) == 101
        assert rest[-1]["error"]["code"] == "provider_error"
        assert ActionCall.objects.get().status == "failed"

    def test_a_reader_who_goes_away_ends_it(self, connection: Connection, sandbox: Sandbox) -> None:
        fill(sandbox, 250)
        reading = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(reading)
        next(reading)
        reading.close()  # type: ignore[attr-defined]

        assert ActionCall.objects.get().status == "cancelled"

    def test_a_reader_of_the_api_who_goes_away_ends_it_after_the_request_and_its_scope(
        self, ask: Ask, connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(sandbox, 250)
        answer = ask("post", path(connection), {}, **NDJSON)
        next(iter(answer.streaming_content))

        monkeypatch.setattr(database, "close_if_unusable_or_obsolete", lambda: None)  # it is the test's
        with tenant_scope.scoped(tenant_scope.NOTHING):
            answer.close()

        assert ActionCall.objects.get().status == "cancelled"

    def test_one_that_died_is_not_done_again_by_the_workers(
        self, connection: Connection, sandbox: Sandbox
    ) -> None:
        dead = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(dead)
        ActionCall.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        worker.drain()

        call = ActionCall.objects.get()
        assert (call.status, present(call.error)["code"]) == ("failed", "stream_cut_off")
        assert [json.loads(line)["error"]["code"] for line in dead] == ["stream_cut_off"]

    def test_a_revoked_connection_ends_it_at_the_next_page(
        self, connection: Connection, sandbox: Sandbox
    ) -> None:
        fill(sandbox, 450)
        reading = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(reading)
        next(reading)
        revoke.revoke(actor=SYSTEM, connection=connection)
        rest = [json.loads(line) for line in reading]

        assert len(rest) <= 100
        assert rest[-1]["error"]["code"] == "stream_cut_off"
        assert ActionCall.objects.get().status == "cancelled"

    def test_one_at_a_time_for_each_workspace(
        self, connection: Connection, sandbox: Sandbox, ask: Ask
    ) -> None:
        reading = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(reading)
        answer = ask("post", path(connection), {}, **NDJSON)
        assert (answer.status_code, refusal(answer)["code"]) == (503, "busy")
        list(reading)
        assert ask("post", path(connection), {}, **NDJSON).status_code == 200

    def test_it_uses_the_connection_while_the_provider_is_asked_and_not_while_it_is_read(
        self, connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(sandbox, 250)
        asked, send = list[int](), requests.Session.send

        def seen(self: Any, request: Any, **kwargs: Any) -> Any:
            asked.append(free_slots(connection))
            return send(self, request, **kwargs)

        monkeypatch.setattr(requests.Session, "send", seen)
        rows = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(rows)
        read = [free_slots(connection) for _ in rows]

        assert asked == [len(node_slots.OF_WEB) - 1] * 3
        assert set(read) == {len(node_slots.OF_WEB)}

    def test_a_page_that_gets_no_turn_is_the_end(
        self, connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(sandbox, 250)
        monkeypatch.setattr(request_slots, "_PATIENCE_SECONDS", 0.0)
        monkeypatch.setattr(streams, "_PATIENCE", 0.0)
        reading = streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={}
        )
        next(reading)
        next(reading)
        with taken_slots(connection, node_slots.OF_WEB):
            *rest, last = [json.loads(line) for line in reading]

        assert (len(rest), last["error"]["code"]) == (99, "busy")
        assert ActionCall.objects.get().status == "failed"

    def test_how_far_it_has_got_is_on_the_call(
        self, connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(sandbox, 250)
        monkeypatch.setattr("workflows.calls.context._PROGRESS_EVERY", 0.0)
        list(
            streams.lines(actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={})
        )
        assert ActionCall.objects.get().progress == {"read": 250}

    def test_a_refused_token_is_renewed_once(
        self, ask: Ask, connection: Connection, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add([{"kind": "status", "status": 401, "path": "/incidents$", "times": 1}])
        assert "summary" in lines(ask("post", path(connection), {}, **NDJSON))[-1]

    def test_strangers_find_nothing_to_stream(self, ask: Ask, db: None) -> None:
        rival = Workspace.objects.create(account=Account.objects.create(name="Rival"), name="Theirs")
        elsewhere = connect(rival)
        assert ask("post", path(elsewhere), {}, **NDJSON).status_code == 404


class TestTime:
    def test_the_month_that_is_meant_is_said(self, connection: Connection, sandbox: Sandbox) -> None:
        fill(sandbox, 3, apart=timedelta(days=20))
        for asked in ({}, {"all": True}):
            output = present(act(connection, **asked).output)
            assert len(output["incidents"]) == 2
            since = datetime.fromisoformat(output["since"])
            assert abs(timezone.now() - timedelta(days=30) - since) < timedelta(minutes=1)

    def test_all_pages_may_go_back_for_years(self, connection: Connection, sandbox: Sandbox) -> None:
        fill(sandbox, 8, apart=timedelta(days=100))
        output = present(act(connection, all=True, since="2020-01-01T00:00:00Z").output)
        assert (len(output["incidents"]), output["since"]) == (8, "2020-01-01T00:00:00Z")

    def test_one_page_may_not(self, connection: Connection, ask: Ask) -> None:
        body = {"since": "2025-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}
        answer = ask("post", path(connection), body)
        assert answer.json()["error"]["fields"] == {
            "until": ["At most six months after since, or all pages."]
        }

    def test_without_limit_says_so(self, connection: Connection) -> None:
        assert "since" not in present(act(connection, all=True, date_range="all").output)


def test_an_answer_holds_so_many_rows_and_says_that_there_are_more(
    connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 450)
    monkeypatch.setattr("pagerduty_app.actions.listings.MOST_ROWS", 300)

    output = present(act(connection, all=True).output)

    assert (output["complete"], output["more"]) == (False, True)
    assert 300 <= len(output["incidents"]) < 450
    assert "One answer holds 300 incidents" in output["incomplete_reason"]


def test_how_far_it_has_got_is_on_the_call(
    connection: Connection, sandbox: Sandbox, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 250)
    seen: list[Any] = []

    def look(budget: Any, allowance: Any) -> None:
        seen.append(ActionCall.objects.values_list("progress", flat=True).get())

    monkeypatch.setattr("workflows.calls.context._PROGRESS_EVERY", 0.0)
    monkeypatch.setattr("connections.grants.request_budget.Budget.answered", look)

    call = act(connection, all=True)

    assert [row["read"] for row in seen if row] == [100, 199]
    assert ask("get", f"action-calls/{call.pk}/").json()["progress"] == {"read": 250}


@pytest.mark.parametrize(
    "data",
    [
        {"until": "0001-01-05T00:00:00Z"},
        {"since": "9999-12-01T00:00:00Z", "all": True},
        {"since": "1999-12-31T00:00:00Z", "all": True},
    ],
)
def test_times_at_the_ends_of_the_calendar_are_refused(
    connection: Connection, ask: Ask, data: dict[str, Any]
) -> None:
    answer = ask("post", path(connection), data)
    assert answer.status_code == 400
    assert "Must be between the years 2000 and 2100." in str(answer.json()["error"]["fields"])


def test_what_was_read_before_the_requests_ran_out_is_answered_with_where_to_go_on(
    connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 450)
    take, left = Budget.take, 2

    def two(self: Budget, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Exhausted(0.0, blocked=False, per_minute=960)
        take(self, **kwargs)

    monkeypatch.setattr(Budget, "take", two)
    output = present(act(connection, all=True).output)

    assert (output["complete"], len(output["incidents"])) == (False, 199)
    assert f"continue with since {output['incidents'][-1]['created_at']}" in output["incomplete_reason"]
