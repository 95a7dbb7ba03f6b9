"""Actions over the REST API: output, refusals, idempotency keys, and what becomes of lost answers."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import requests
import responses
from django.utils import timezone

from connections.models import AuditEvent, Connection, Grant
from core import node_slots, request_slots
from tests.factories import API, DANA, Ask, add_note
from tests.support.connection_slots import free_slots, taken_slots
from tests.support.present import present
from tests.support.rate_limits import lift_rate_limits
from workflows import worker
from workflows.api import actions
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look at the queue"}


def run_path(connection: Connection, action: str = "create-incident-note") -> str:
    return f"connections/{connection.pk}/actions/pagerduty/{action}/"


class TestActions:
    def test_an_action_answers_with_its_output_and_is_on_record(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        answer = ask("post", run_path(connection), NOTE)

        body = answer.json()
        assert (answer.status_code, body["status"], body["output"]["note"]["id"]) == (
            200,
            "completed",
            "PNOTE1",
        )
        assert ask("get", f"action-calls/{body['id']}/").json() == body
        assert AuditEvent.objects.filter(action="action.called", target=body["id"]).count() == 1
        connection.refresh_from_db()
        assert connection.last_used_at is not None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"from": None}, "from"),
            ({"from": "dana"}, "from"),
            ({"from": 7}, "from"),
            ({"incident_id": "../users"}, "incident_id"),
            ({"incident_id": ["PINC1"]}, "incident_id"),
            ({"content": ""}, "content"),
            ({"content": "nul \x00"}, "content"),
            ({"content": "x" * 25_001}, "content"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_bad_input_is_400_names_the_field_and_sends_nothing(
        self,
        ask: Ask,
        connection: Connection,
        pagerduty: responses.RequestsMock,
        changes: dict[str, Any],
        field: str,
    ) -> None:
        answer = ask("post", run_path(connection), NOTE | changes)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_input"
        assert field in answer.json()["error"]["fields"]
        assert not ActionCall.objects.exists()
        assert len(pagerduty.calls) == 0

    @pytest.mark.parametrize("body", ["[]", "7", '"text"', "null", "{", "\ud800"])
    def test_a_body_that_is_no_object_is_400(self, ask: Ask, connection: Connection, body: str) -> None:
        assert ask("post", run_path(connection), body.encode(errors="replace")).status_code == 400

    def test_from_that_is_no_user_of_the_account_is_400_and_nothing_is_written(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty)
        answer = ask("post", run_path(connection), NOTE | {"from": "mallory@acme.example"})

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "from_not_a_user")
        assert "from" in error["fields"]
        assert sent.call_count == 0

    def test_a_limit_above_100_is_refused(self, ask: Ask, connection: Connection) -> None:
        answer = ask("post", run_path(connection, "list-services"), {"limit": 101})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["limit"])

    @pytest.mark.parametrize("action", ["no-such-action", "create_incident"])
    def test_an_unknown_action_is_404(self, ask: Ask, connection: Connection, action: str) -> None:
        answer = ask("post", run_path(connection, action), {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_action")

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("pending", "connection_pending"),
            ("error", "reconnection_needed"),
            ("revoked", "connection_revoked"),
        ],
    )
    def test_a_connection_that_cannot_be_used_has_its_own_code(
        self, ask: Ask, connection: Connection, status: str, code: str
    ) -> None:
        revoked_at = timezone.now() if status == "revoked" else None
        Connection.objects.update(status=status, revoked_at=revoked_at)
        answer = ask("post", run_path(connection), NOTE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)

    def test_a_scope_that_was_not_granted_is_named(self, ask: Ask, connection: Connection) -> None:
        Grant.objects.update(scopes_granted=["incidents.read", "users.read"])
        error = ask("post", run_path(connection), NOTE).json()["error"]
        assert (error["code"], error["detail"]) == ("missing_scope", {"scope": "incidents.write"})

    def test_what_pagerduty_refuses_is_passed_on_with_its_status(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=404, json={"error": {"code": 5001, "message": "Incident Not Found"}})
        answer = ask("post", run_path(connection), NOTE)

        error = answer.json()["error"]
        assert answer.status_code == 404
        assert (error["code"], error["provider_status"], error["retryable"]) == (
            "incident_not_found",
            404,
            False,
        )
        assert error["detail"]["provider_code"] == "5001"

    def test_a_rate_limit_is_202_and_the_workers_finish_it(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        pagerduty.post(f"{API}/incidents/PINC1/notes", status=429, headers={"Retry-After": "20"})
        add_note(pagerduty)
        answer = ask("post", run_path(connection), NOTE)
        assert (answer.status_code, answer.json()["status"]) == (202, "waiting")

        ActionCall.objects.update(next_attempt_at=timezone.now())
        lift_rate_limits()
        worker.drain()
        assert ask("get", f"action-calls/{answer.json()['id']}/").json()["status"] == "completed"

    def test_respond_async_leaves_the_first_attempt_to_the_workers(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty)
        answer = ask("post", run_path(connection), NOTE, Prefer="respond-async")
        assert (answer.status_code, answer.json()["status"], sent.call_count) == (202, "pending", 0)

        worker.drain()
        assert sent.call_count == 1


class TestWaiting:
    """`Prefer: wait=N`: the request waits for the workers, who get what they need meanwhile."""

    @pytest.fixture
    def meanwhile(self, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """While a request waits, the workers do what is due. The slots that it has left, each time."""
        seen: list[int] = []

        def work() -> None:
            seen.append(free_slots(connection))
            lift_rate_limits()
            ActionCall.objects.update(next_attempt_at=timezone.now())
            worker.drain()

        monkeypatch.setattr(actions, "lending", SimpleNamespace(give_back=work))
        return seen

    def test_it_leaves_the_connection_to_the_workers(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, meanwhile: list[int]
    ) -> None:
        add_note(pagerduty, status=429, json={"error": {"message": "Rate Limit Exceeded", "code": 2020}})
        add_note(pagerduty)

        answer = ask("post", run_path(connection), NOTE, Prefer="wait=30")

        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
        assert meanwhile == [len(node_slots.OF_WEB)]

    def test_it_waits_for_the_workers_too_where_it_found_the_connection_busy(
        self,
        ask: Ask,
        connection: Connection,
        pagerduty: responses.RequestsMock,
        meanwhile: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(request_slots, "_PATIENCE_SECONDS", 0.0)
        add_note(pagerduty)

        with taken_slots(connection, node_slots.OF_WEB):
            answer = ask("post", run_path(connection), NOTE, Prefer="wait=30")

        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
        assert meanwhile == [0]

    def test_one_that_does_not_wait_looks_for_no_slot(
        self,
        ask: Ask,
        connection: Connection,
        pagerduty: responses.RequestsMock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(node_slots.NodeSlots, "take", lambda *_: pytest.fail("it looked"))

        answer = ask("post", run_path(connection), NOTE, Prefer="respond-async")

        assert (answer.status_code, answer.json()["status"]) == (202, "pending")


class TestIdempotencyKey:
    def test_the_same_request_again_gets_the_same_call(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        sent = add_note(pagerduty)
        headers = {"Idempotency-Key": "abc-1"}
        first, second = (ask("post", run_path(connection), NOTE, **headers).json() for _ in range(2))
        assert first == second
        assert sent.call_count == 1

    def test_another_request_with_the_key_is_422(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty)
        headers = {"Idempotency-Key": "abc-1"}
        ask("post", run_path(connection), NOTE, **headers)
        answer = ask("post", run_path(connection), NOTE | {"content": "Other"}, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")

    @pytest.mark.parametrize("key", ["", "x" * 201, "with space"])
    def test_a_key_that_is_none_is_400(self, ask: Ask, connection: Connection, key: str) -> None:
        assert ask("post", run_path(connection), NOTE, **{"Idempotency-Key": key}).status_code == 400


class TestLostAnswers:
    def test_two_calls_for_the_same_note_make_two_notes_also_when_both_answers_are_lost(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        url, notes = f"{API}/incidents/PINC1/notes", list[dict[str, Any]]()

        def lose(request: requests.PreparedRequest) -> NoReturn:
            made = {"id": f"PNOTE{len(notes)}", "content": NOTE["content"], "user": {"id": "PUSER"}}
            notes.append(made | {"created_at": timezone.now().isoformat()})
            raise requests.exceptions.ReadTimeout

        pagerduty.add_callback("POST", url, lose)
        pagerduty.add_callback("GET", url, lambda request: (200, {}, json.dumps({"notes": notes})))
        for _ in range(2):
            assert ask("post", run_path(connection), NOTE).status_code == 202
        assert len(notes) == 2

        ActionCall.objects.update(next_attempt_at=timezone.now())
        worker.drain()

        claimed = [
            present(call.output)["note"]["id"] for call in ActionCall.objects.filter(status="completed")
        ]
        assert sorted(claimed) == ["PNOTE0", "PNOTE1"]
        assert len(notes) == 2

    def test_while_an_equal_call_is_running_a_lost_note_is_not_claimed(
        self, ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        url = f"{API}/incidents/PINC1/notes"
        pagerduty.post(url, body=requests.exceptions.ReadTimeout())
        ask("post", run_path(connection), NOTE)
        lost = ActionCall.objects.get()
        ActionCall.objects.create(
            workspace=lost.workspace, connection=connection, action=lost.action, origin="api", input=NOTE,
            fingerprint=lost.fingerprint, status="running", unsure=True,
            lease_until=timezone.now() + timedelta(seconds=30),
        )  # fmt: skip
        note = {"id": "PTHEIRS", "content": NOTE["content"], "created_at": timezone.now().isoformat()}
        pagerduty.get(url, json={"notes": [note]})
        ActionCall.objects.filter(pk=lost.pk).update(next_attempt_at=timezone.now())
        worker.drain()

        lost.refresh_from_db()
        assert (lost.status, lost.unsure, present(lost.error)["code"]) == (
            "waiting",
            True,
            "checking_for_note",
        )


@pytest.mark.parametrize("status", [200, 400])
def test_characters_that_a_database_refuses_are_left_out_of_what_pagerduty_said(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, status: int
) -> None:
    strange = "a\x00b\ud800c"
    body = {"incident": {"id": "PINC1", "status": "triggered", "title": strange}}
    refusal = {"error": {"message": strange, "code": 2001, "errors": [strange]}}
    pagerduty.get(f"{API}/incidents/PINC1", json=body if status == 200 else refusal, status=status)

    answer = ask("post", run_path(connection, "get-incident"), {"incident_id": "PINC1"})

    assert answer.status_code == status
    assert "ab?c" in answer.content.decode()
