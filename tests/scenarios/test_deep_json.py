"""JSON nested deeper than anybody means: kept when it is signed, refused when it is asked, never a 500."""

import json
from typing import Any

import pytest
import responses
from django.test import Client

from connections.models import Connection
from core.text.json_sanitize import DEEPEST, is_storable, storable
from pagerduty_app import signatures
from tests.factories import API, SECRET, Ask, add_note, incident_event
from tests.support.present import present
from workflows import worker
from workflows.models import ActionCall, Event, Run, Trigger, Workflow

pytestmark = pytest.mark.django_db
DEPTHS = [DEEPEST + 2, 300, 450, 700, 900, 950, 990, 3000, 40_000]


def nested(depth: int, core: str = '"a\\u0000b"') -> str:
    return '{"a":[' * (depth // 2) + core + "]}" * (depth // 2)


def event_with(deep: str) -> bytes:
    payload = incident_event(custom="HERE")
    return json.dumps(payload).replace('"HERE"', deep).encode()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_signed_event_is_kept_shown_and_run(
    deliver: Any, ask: Ask, note_workflow: Workflow, pagerduty: responses.RequestsMock, depth: int
) -> None:
    add_note(pagerduty)
    pagerduty.post(f"{API}/incidents//notes", json={"note": {"id": "P"}})
    body = event_with(nested(depth))

    assert deliver(body).status_code == 202
    worker.drain()

    event = Event.objects.get()
    assert bytes(event.body) == body
    assert ask("get", "events/").status_code == 200
    assert Run.objects.filter(status="completed").exists() or event.status == "ignored"


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_held_delivery_of_it_is_judged_with_the_others(
    client: Client, ask: Ask, connection: Connection, depth: int
) -> None:
    made = ask(
        "post",
        "triggers/",
        {"key": "pagerduty/incident-triggered", "connection": str(connection.pk), "name": "N"},
    ).json()
    body = event_with(nested(depth))
    signed = {"X-PagerDuty-Signature": signatures.sign(body, SECRET)}
    token = Trigger.objects.get().token
    url = f"/hooks/pagerduty/{token}"
    assert client.post(url, body, content_type="application/json", headers=signed).status_code == 202

    assert ask("post", f"triggers/{made['id']}/secrets/", {"secret": SECRET}).status_code == 201
    assert Event.objects.count() == 1


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_api_request_of_it_is_refused_in_words(ask: Ask, connection: Connection, depth: int) -> None:
    for body in (nested(depth, '"x"'), nested(depth)):
        answer = ask("post", f"connections/{connection.pk}/actions/pagerduty/get-incident/", body)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "malformed_json"
        assert "nested" in answer.json()["error"]["message"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_answer_of_pagerduty_is_stored_as_far_as_it_goes(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, depth: int
) -> None:
    body = json.dumps({"incident": {"id": "PINC1", "status": "triggered", "custom": "HERE"}})
    pagerduty.get(f"{API}/incidents/PINC1", body=body.replace('"HERE"', nested(depth)))

    answer = ask(
        "post", f"connections/{connection.pk}/actions/pagerduty/get-incident/", {"incident_id": "PINC1"}
    )

    assert answer.status_code in (200, 202)
    call = ActionCall.objects.get()
    assert call.status == "waiting" or present(call.output)["incident"]["id"] == "PINC1"


def test_the_bound() -> None:
    allowed: Any = "core"
    for _ in range(DEEPEST):
        allowed = [allowed]
    assert is_storable(allowed)
    assert not is_storable([allowed])
    assert is_storable(storable([allowed]))
