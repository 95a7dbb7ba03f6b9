"""Incident workflows in the sandbox: listed, started, told and shown (api-schema; webhooks v3)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.sandbox.conftest import SIX, SignIn

ACCOUNT, NOBODY = "PACME01", "http://127.0.0.1:9/"
HINT = "set PAGERDUTY_EVENTS to a folder with one webhook body per event type"
PATH = "/incident_workflows/PFLOW01/instances"


@pytest.fixture
def ask(sign_in: SignIn, contract: Any) -> Any:
    """As the `ask` of all, with the scopes of incident workflows and without From."""
    scopes = "incident_workflows.read incident_workflows:instances.write"
    token = sign_in.tokens(scope=f"openid {SIX} {scopes}")["access_token"]

    def request(method: str, path: str, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = sign_in.base_url + path
        answer = sign_in.http.request(method, url, headers=headers, timeout=10, **kwargs)
        if contract:
            contract.check_response(method, path.partition("?")[0], answer.status_code, answer.json())
        return answer

    return request


def start_of(incident: str) -> dict[str, Any]:
    named = {"id": incident, "type": "incident_reference"}
    return {"incident_workflow_instance": {"type": "incident_workflow_instance", "incident": named}}


def test_workflows_are_listed_by_name(ask: Any) -> None:
    rows = ask("GET", "/incident_workflows").json()["incident_workflows"]
    found = ask("GET", "/incident_workflows?query=major").json()["incident_workflows"]

    assert [row["is_enabled"] for row in rows] == [True, True, False]
    assert [row["name"] for row in found] == ["Major incident"]


def test_a_start_is_told_with_the_documented_bodies_and_shown(ask: Any, sandbox: Sandbox) -> None:
    folder = os.environ.get("PAGERDUTY_EVENTS")
    if not folder:
        pytest.skip(HINT)
    incident = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    sandbox.subscribe(ACCOUNT, NOBODY, [], {"type": "account_reference"})

    answer = ask("POST", PATH, json=start_of(incident))

    assert answer.status_code == 201
    rows = sandbox.store.rows("SELECT body FROM deliveries ORDER BY seq")
    events = [json.loads(body)["event"] for (body,) in rows]
    kinds = ["incident.workflow.started", "incident.workflow.completed"]
    assert [event["event_type"] for event in events] == kinds
    for event in events:
        theirs = json.loads((Path(folder) / f"{event['event_type']}.json").read_text())["event"]
        assert set(event["data"]) == set(theirs["data"])
        assert event["data"]["id"] == answer.json()["incident_workflow_instance"]["id"]
        assert event["agent"]["id"] == "PUSER00"
    assert "Major incident" in requests.get(f"{sandbox.base_url}/app/incidents/{incident}", timeout=5).text


@pytest.mark.parametrize(
    ("path", "incident", "status"),
    [
        (PATH, "PNONE", 404),
        ("/incident_workflows/PNONE/instances", "", 404),
        ("/incident_workflows/PFLOW03/instances", "", 400),
    ],
)
def test_a_start_that_cannot_be_is_refused(
    ask: Any, sandbox: Sandbox, path: str, incident: str, status: int
) -> None:
    some_id = incident or sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]

    assert ask("POST", path, json=start_of(some_id)).status_code == status


def test_the_scopes_are_enforced(sign_in: SignIn) -> None:
    headers = {"Authorization": f"Bearer {sign_in.tokens()['access_token']}"}

    listed = requests.get(f"{sign_in.base_url}/incident_workflows", headers=headers, timeout=5)
    started = requests.post(sign_in.base_url + PATH, json=start_of("P1"), headers=headers, timeout=5)

    asked = [answer.json()["error"]["required_scopes"] for answer in (listed, started)]
    assert (listed.status_code, started.status_code) == (403, 403)
    assert asked == ["incident_workflows.read", "incident_workflows:instances.write"]
