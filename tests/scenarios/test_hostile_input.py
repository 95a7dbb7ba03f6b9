"""What a hostile person, or a provider gone wrong, would try: none of it may stop or blind the others."""

import contextlib
import json
import uuid
from typing import Any

import pytest
import responses

from connections.api.parsing import StorableJsonParser
from connections.connecting.revoke import revoke
from connections.models import Connection, Workspace
from core import request_slots
from core.errors import Problem
from tests.factories import (
    API,
    DANA,
    SECRET,
    SYSTEM,
    Ask,
    add_note,
    asking,
    connect,
    incident_event,
    note_step,
    publish,
)
from tests.support.present import present
from tests.support.processor_time import processor_seconds
from workflows import expressions, worker
from workflows.inbox import secrets
from workflows.models import ActionCall, Event, Run, Trigger
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


# --- expressions and definitions -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "template",
    [
        "{{" * 9999,
        "{{" + " " * 19_990 + "}}",
        "{%" * 9999,
        "{{ a | " * 2500,
        "{{ a }}" * 2857,
        "{{}}" * 5000,
        "}}" * 9999,
    ],
    ids=["open", "gap", "tags", "nested", "many", "empty", "closed"],
)
def test_no_template_takes_long_to_judge(template: str) -> None:
    def judge() -> None:
        with contextlib.suppress(expressions.ExpressionError):
            expressions.check(template)

    # The work done, not the time passed; the worst of these took 18 s of it.
    assert processor_seconds(judge, turns=1) < 2


def test_json_in_a_text_is_no_field() -> None:
    assert expressions.render('{"a": {"b": 1}}', {}) == '{"a": {"b": 1}}'


@pytest.mark.parametrize("key", ["../x", "a b", "A", "1a", ""])
def test_a_step_key_is_a_plain_word(ask: Ask, trigger: Trigger, connection: Connection, key: str) -> None:
    steps = [note_step(connection, key=key)]
    answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk), "steps": steps})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"conditions": {"rows": [["trigger.x", "equals", "a\x00"]]}},
        {"steps": [{"input": {"from": DANA, "incident_id": "P1", "content": ["a\x00"]}}]},
    ],
    ids=["condition", "step"],
)
def test_a_definition_that_cannot_be_stored_is_400(
    ask: Ask, trigger: Trigger, connection: Connection, changes: dict[str, Any]
) -> None:
    changes = {"steps": [note_step(connection, **changes.get("steps", [{}])[0])]} | {
        name: value for name, value in changes.items() if name == "conditions"
    }
    answer = ask("post", "workflows/", {"name": "x", "trigger": str(trigger.pk)} | changes)
    assert answer.status_code == 400
    assert ask("get", "workflows/").json()["results"] == []


def test_one_workflows_conditions_do_not_stop_the_others(
    trigger: Trigger, connection: Connection, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    broken = publish(trigger, connection).live
    assert broken is not None
    broken.definition["conditions"] = {
        "match": "all",
        "rows": [["trigger.incident.id", "no_longer_there", 1]],
    }
    broken.save()
    good = publish(trigger, connection)

    deliver(incident_event(teams=[{"id": "T1"}]))
    worker.drain()

    assert [run.workflow_id for run in Run.objects.all()] == [good.pk]
    assert Event.objects.get().status == "done"


def test_publishing_needs_the_right_to_run_actions(
    client: Any, workspace: Workspace, trigger: Trigger, connection: Connection
) -> None:
    ask = asking(client, workspace, ["workflows:write"])
    body = {"name": "x", "trigger": str(trigger.pk), "steps": [note_step(connection)]}

    assert ask("post", "workflows/", body).status_code == 201
    refused = ask("post", "workflows/", body | {"publish": True})

    assert (refused.status_code, refused.json()["error"]["detail"]) == (403, {"scope": "actions:run"})


# --- requests ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"\\ud800": 1}',
        '{"name": "\\ud800"}',
        '{"name": 1e999}',
        '{"name": NaN}',
        '{"name": "\\',
    ],
    ids=["deep", "key", "surrogate", "huge", "nan", "cut"],
)
def test_json_that_could_not_be_stored_is_refused_at_the_door(ask: Ask, body: str) -> None:
    answer = ask("post", "triggers/", body.encode())

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_json")


def test_a_body_beyond_the_bound_is_413_in_json(ask: Ask, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = ask("post", "triggers/", {"name": "x" * 2000})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["connections", "triggers", "events", "workflows", "runs"])
@pytest.mark.parametrize("cursor", ["cD1nYXJiYWdl", "x", "%00"])
def test_a_cursor_that_is_none_is_no_fault_of_ours(
    ask: Ask, trigger: Trigger, path: str, cursor: str
) -> None:
    assert ask("get", f"{path}/?cursor={cursor}").status_code in (200, 400, 404)


def test_a_fault_of_ours_is_json_and_on_record(ask: Ask, monkeypatch: Any, caplog: Any) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(StorableJsonParser, "parse", broken)

    answer = ask("post", "triggers/", {})

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "secret detail" not in answer.content.decode()
    assert "unexpected_error" in caplog.text


@pytest.mark.parametrize("method", ["head", "options"])
def test_looking_at_a_route_needs_no_more_than_reading_it(
    client: Any, workspace: Workspace, method: str
) -> None:
    ask = asking(client, workspace, ["triggers:read"])
    assert ask(method, "triggers/").status_code == 200


def test_requests_that_wait_for_pagerduty_leave_threads_free(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    note = {"from": DANA, "incident_id": "PINC1", "content": "Look"}
    taken = [
        request_slots.provider_slot(connection.workspace_id, uuid.uuid4())
        for _ in range(request_slots.MOST_OF_WORKSPACE)
    ]
    assert all(slot.__enter__() for slot in taken)
    try:
        path = f"connections/{connection.pk}/actions/pagerduty/create-incident-note/"
        answer = ask("post", path, note, Prefer="wait=30")
        check = ask("post", f"connections/{connection.pk}/check/")
    finally:
        for slot in taken:
            slot.__exit__(None, None, None)

    assert (answer.status_code, check.status_code) == (202, 503)
    worker.drain()
    assert ActionCall.objects.get().status == "completed"


# --- deliveries ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strange", [b'"\\ud83d"', b"NaN", b"Infinity", b'"\\u0000"', b"1e999"])
def test_no_delivery_blinds_who_follows_the_events(ask: Ask, deliver: Any, strange: bytes) -> None:
    body = json.dumps(incident_event(title="T")).encode().replace(b'"T"', strange)
    assert deliver(body).status_code == 202

    answer = ask("get", "events/")

    assert answer.status_code == 200
    json.loads(answer.content, parse_constant=pytest.fail)
    assert len(answer.json()["results"]) == 1


def test_without_a_secret_left_nothing_is_genuine(deliver: Any, trigger: Trigger) -> None:
    secrets.retire_secret(actor=SYSTEM, secret=trigger.secrets.get())

    assert deliver(incident_event(), secret="anything").status_code == 401
    assert not trigger.held.exists()


def test_what_is_held_is_bounded_in_bytes_and_in_time(
    client: Any, connection: Connection, monkeypatch: Any
) -> None:
    made = lifecycle.create(actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="")
    monkeypatch.setattr("workflows.inbox.limits.MAX_HELD_BYTES", 1000)

    def post(size: int) -> int:
        headers = {"X-PagerDuty-Signature": "v1=00"}
        path = f"/hooks/pagerduty/{made.token}"
        return int(
            client.post(path, b"x" * size, content_type="application/json", headers=headers).status_code
        )

    assert [post(600), post(600), post(300)] == [202, 503, 202]
    made.held.update(received_at="2026-01-01T00:00:00Z")
    worker.housekeeping()
    assert not made.held.exists()


def test_after_revoking_a_genuine_delivery_is_taken_and_ignored(
    deliver: Any, trigger: Trigger, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    revoke(actor=SYSTEM, connection=connection)

    assert deliver(incident_event()).json() == {"status": "ignored"}
    assert deliver(incident_event(), secret="wrong").status_code == 401
    assert not Event.objects.exists()


def test_revoking_meanwhile_leaves_no_live_trigger(
    ask: Ask, trigger: Trigger, workspace: Workspace, pagerduty: responses.RequestsMock
) -> None:
    stale = connect(workspace, "Stale")
    revoke(actor=SYSTEM, connection=Connection.objects.get(pk=stale.pk))
    with pytest.raises(Problem, match="revoked"):
        lifecycle.create(actor=SYSTEM, connection=stale, key=trigger.key, name="")

    before = Trigger.objects.get(pk=trigger.pk)
    revoke(actor=SYSTEM, connection=trigger.connection)
    with pytest.raises(Problem, match="revoked"):
        lifecycle.change(actor=SYSTEM, trigger=before, changes={"status": "active"})
    assert Trigger.objects.get(pk=trigger.pk).status == "closed"


# --- answers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "rows", ['["x"]', "[5]", '[{"id": "P1", "title": 1e999}]', '[{"id": "P1", "service": null}]']
)
def test_strange_rows_in_a_listing_are_no_fault_of_ours(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, rows: str
) -> None:
    pagerduty.get(f"{API}/incidents", body=f'{{"incidents": {rows}, "more": false}}')

    answer = ask("post", f"connections/{connection.pk}/actions/pagerduty/list-incidents/", {"all": True})

    assert answer.status_code in (200, 202)
    assert ask("get", f"action-calls/{ActionCall.objects.get().pk}/").status_code == 200


def test_a_text_with_nul_from_an_event_fails_the_step_and_not_the_worker(
    trigger: Trigger, connection: Connection, deliver: Any, pagerduty: responses.RequestsMock
) -> None:
    step = note_step(connection, action="pagerduty/create-incident")
    step["input"] = {
        "from": DANA,
        "service_id": "PSVC1",
        "title": "x",
        "urgency": "{{ trigger.incident.title }}",
    }
    publish(trigger, connection, steps=[step])

    deliver(incident_event(title="a\x00\ud800"))
    worker.drain()

    run = Run.objects.get()
    assert (run.status, present(run.steps.get().error)["code"]) == ("failed", "invalid_input")


def test_the_secret_of_the_fixture_is_the_one_that_signs(deliver: Any) -> None:
    assert deliver(incident_event(), secret=SECRET).status_code == 202
