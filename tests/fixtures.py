"""Fixtures that tests of every folder may ask for; tests/conftest.py loads them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings
from django.test import Client

from connections.models import Account, Connection, Workspace
from pagerduty_app import signatures
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.factories import (
    API,
    DANA,
    SECRET,
    SYSTEM,
    Ask,
    People,
    add_note,
    asking,
    connect,
    people,
    publish,
    signed_with,
)
from tests.support.agency import INCIDENT, SCHEDULE
from tests.support.browser import signed_in
from workflows.models import Trigger, Workflow
from workflows.triggers import lifecycle


@pytest.fixture
def who(db: None) -> People:
    return people()


@pytest.fixture
def alice(who: People) -> Client:
    return signed_in(who.alice)


@pytest.fixture
def bob(who: People) -> Client:
    return signed_in(who.bob)


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(account=Account.objects.create(name="Agency"), name="Acme")


@pytest.fixture
def connection(workspace: Workspace) -> Connection:
    return connect(workspace)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    made = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New incidents"
    )
    signed_with(made, SECRET)
    return made


@pytest.fixture
def note_workflow(trigger: Trigger, connection: Connection) -> Workflow:
    return publish(trigger, connection)


@pytest.fixture
def deliver(client: Any, trigger: Trigger) -> Callable[..., Any]:
    """Posts a signed delivery to the trigger's URL as PagerDuty does."""

    def post(payload: Any, *, secret: str = SECRET, to: Trigger = trigger, **headers: str) -> Any:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = {"HTTP_X_PAGERDUTY_SIGNATURE": signatures.sign(body, secret)} | headers
        return client.post(f"/hooks/pagerduty/{to.token}", body, content_type="application/json", **signed)

    return post


@pytest.fixture
def pagerduty() -> Iterator[responses.RequestsMock]:
    """PagerDuty's REST API with one user; tests add what else it answers."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(
            f"{API}/users",
            json={
                "users": [{"id": "PUSER", "type": "user", "email": DANA, "name": "Dana"}],
                "limit": 100,
                "offset": 0,
                "more": False,
                "total": None,
            },
        )
        yield mock


@pytest.fixture
def provider(pagerduty: responses.RequestsMock) -> responses.RequestsMock:
    """PagerDuty's responses to what the actions and the look-ups request."""
    page = {"limit": 25, "offset": 0, "more": False, "total": None}
    pagerduty.get(f"{API}/services", json={"services": [{"id": "PSVC1", "name": "Payments"}], **page})
    pagerduty.get(f"{API}/schedules", json={"schedules": [{"id": "PSCHED1", "name": "Primary"}], **page})
    pagerduty.get(f"{API}/v3/schedules", json={"schedules": [], "limit": 100, "offset": 0, "more": False})
    pagerduty.get(
        f"{API}/v3/schedules/PSCHED1", json={"error": {"message": "Not v3", "code": 2001}}, status=400
    )
    pagerduty.get(f"{API}/users/PUSER", json={"user": {"id": "PUSER", "name": "Dana"}})
    pagerduty.get(f"{API}/schedules/PSCHED1/users", json={"users": [{"id": "PUSER", "name": "Dana"}]})
    pagerduty.get(f"{API}/schedules/PSCHED1", json={"schedule": SCHEDULE})
    add_overrides(pagerduty)
    pagerduty.get(f"{API}/teams", json={"teams": [], **page})
    pagerduty.get(f"{API}/incidents", json={"incidents": [INCIDENT], **page})
    pagerduty.post(f"{API}/incidents", json={"incident": INCIDENT}, status=201)
    pagerduty.get(f"{API}/incidents/PINC1", json={"incident": INCIDENT})
    pagerduty.put(f"{API}/incidents/PINC1", json={"incident": INCIDENT})
    pagerduty.get(f"{API}/services/PSVC1", json={"service": {"id": "PSVC1", "name": "Payments"}})
    for name in ("alerts", "log_entries"):
        pagerduty.get(f"{API}/incidents/PINC1/{name}", json={name: [], **page})
    for name in ("notes", "past_incidents"):
        pagerduty.get(f"{API}/incidents/PINC1/{name}", json={name: []})
    add_note(pagerduty)
    add_response(pagerduty)
    return pagerduty


def add_overrides(pagerduty: responses.RequestsMock) -> None:
    """Answer what create-override asks for."""
    pagerduty.get(f"{API}/users/PUSER2", json={"user": {"id": "PUSER2", "name": "Eli"}})
    pagerduty.get(f"{API}/schedules/PSCHED1/overrides", json={"overrides": []})
    times = {"start": "2026-11-01T23:30:00Z", "end": "2026-11-02T00:30:00Z"}
    made = {"id": "POVERRIDE1", "user": {"id": "PUSER2"}, **times}
    pagerduty.post(f"{API}/schedules/PSCHED1/overrides", json=[{"status": 201, "override": made}], status=201)


def add_response(pagerduty: responses.RequestsMock) -> None:
    """Answer what the actions of responders ask for."""
    path, at = f"{API}/incidents/PINC1", "2026-11-01T23:30:00Z"
    pagerduty.get(f"{API}/incidents/PINC2", json={"incident": INCIDENT | {"id": "PINC2"}})
    pagerduty.post(f"{path}/snooze", json={"incident": INCIDENT}, status=201)
    pagerduty.put(f"{path}/merge", json={"incident": {"id": "PINC1", "type": "incident_reference"}})
    request = {"message": "Help", "requested_at": at, "responder_request_targets": []}
    pagerduty.post(f"{path}/responder_requests", json={"responder_request": request})
    update = {"id": "PUPDATE", "message": "A fix is on its way", "created_at": at}
    pagerduty.post(f"{path}/status_updates", json={"status_update": update})
    started = {"id": "PSTART1", "incident": {"id": "PINC1", "type": "incident_reference"}}
    pagerduty.post(
        f"{API}/incident_workflows/PFLOW01/instances",
        json={"incident_workflow_instance": started},
        status=201,
    )
    window = {"id": "PWINDOW1", "start_time": at, "end_time": at, "services": []}
    pagerduty.post(f"{API}/maintenance_windows", json={"maintenance_window": window}, status=201)
    pagerduty.get(f"{API}/maintenance_windows", json={"maintenance_windows": [], "more": False})
    field = {"id": "PFIELD1", "name": "environment", "data_type": "string", "value": None}
    pagerduty.get(f"{path}/custom_fields/values", json={"custom_fields": [field]})
    pagerduty.put(f"{path}/custom_fields/values", json={"custom_fields": [field]}, status=201)


@pytest.fixture
def ask(client: Any, workspace: Workspace) -> Ask:
    return asking(client, workspace)


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    clients = {project_settings.PAGERDUTY_CLIENT_ID: project_settings.PAGERDUTY_CLIENT_SECRET}
    with SandboxServer(clients=clients) as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer, settings: Any) -> Sandbox:
    """PagerDuty on its first day; the product takes it for the real one."""
    server.sandbox.reset()
    settings.PAGERDUTY_IDENTITY_URL = server.url
    settings.PAGERDUTY_API_URL = server.url
    settings.PAGERDUTY_API_URL_EU = f"{server.url}/eu"
    settings.PAGERDUTY_ID_TOKEN_ISSUERS = [f"{server.url}/global/oauth/anonymous"]
    return server.sandbox
