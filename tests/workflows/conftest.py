"""A workspace with an active connection, a trigger with a known secret, and PagerDuty answering by `responses`."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import settings
from django.utils import timezone

from connections.accounts import api_keys
from connections.models import Account, Connection, Grant, Workspace
from connections.tenancy.actor import SCOPES, Actor
from core.crypto import seal
from pagerduty_app import signatures
from workflows.authoring import lifecycle as authoring
from workflows.inbox import secrets, store
from workflows.models import Trigger, Workflow
from workflows.triggers import lifecycle

SECRET = "a-signing-secret-of-the-test"
ALL_SCOPES = [
    "incidents.read",
    "incidents.write",
    "services.read",
    "users.read",
    "schedules.read",
    "teams.read",
]
SYSTEM = Actor.system("test")
DANA = "dana@acme.example"
API = settings.PAGERDUTY_API_URL


def connect(workspace: Workspace, label: str = "Acme", scopes: list[str] | None = None) -> Connection:
    connection = Connection.objects.create(
        workspace=workspace,
        provider="pagerduty",
        label=label,
        status="active",
        external_account_id="PACC",
        external_user_id="PUSER",
        region="us",
        authorised_at=timezone.now(),
    )
    grant = Grant(
        connection=connection,
        scopes_asked=ALL_SCOPES,
        scopes_granted=ALL_SCOPES if scopes is None else scopes,
        expires_at=timezone.now() + timedelta(days=1),
        next_refresh_at=timezone.now() + timedelta(hours=20),
    )
    seal(grant, "access_token", f"access-{connection.pk}")
    seal(grant, "refresh_token", f"refresh-{connection.pk}")
    grant.save()
    return connection


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
    secrets.add_secret(actor=SYSTEM, trigger=made, secret=SECRET)
    return made


@pytest.fixture
def note_workflow(trigger: Trigger, connection: Connection) -> Workflow:
    return publish(trigger, connection)


def note_step(connection: Connection, **changes: Any) -> dict[str, Any]:
    return {
        "key": "note",
        "connection": str(connection.pk),
        "action": "pagerduty/create-incident-note",
        "input": {
            "from": DANA,
            "incident_id": "{{ trigger.incident.id }}",
            "content": "Runbook for {{ trigger.incident.title }}",
        },
    } | changes


def publish(trigger: Trigger, connection: Connection, **definition: Any) -> Workflow:
    workflow = authoring.create(
        actor=SYSTEM,
        trigger=trigger,
        name="Note",
        definition={"steps": [note_step(connection)]} | definition,
    )
    authoring.publish(actor=SYSTEM, workflow=workflow)
    return workflow


def incident_event(
    event_type: str = "incident.triggered", incident: str = "PINC1", **data: Any
) -> dict[str, Any]:
    return {
        "event": {
            "id": f"01{uuid.uuid4().hex[:24].upper()}",
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": "2026-11-01T10:00:00.000Z",
            "agent": None,
            "client": None,
            "data": {
                "id": incident,
                "type": "incident",
                "title": "Payments are slow",
                "status": "triggered",
                "urgency": "high",
                "service": {"id": "PSVC1", "type": "service_reference", "summary": "Payments"},
            }
            | data,
        }
    }


def arrive(trigger: Trigger, **changes: Any) -> None:
    """A genuine delivery, stored as the receiver stores it."""
    store.store(trigger, body=json.dumps(incident_event(**changes)).encode())


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


def add_note(mock: responses.RequestsMock, incident: str = "PINC1", **answer: Any) -> responses.BaseResponse:
    note = {"note": {"id": "PNOTE1", "content": "…", "created_at": "2026-11-01T10:00:01Z"}}
    added: responses.BaseResponse = mock.post(
        f"{API}/incidents/{incident}/notes", **({"json": note} | answer)
    )
    return added


Ask = Callable[..., Any]


def asking(client: Any, workspace: Workspace, scopes: list[str] | None = None) -> Ask:
    """ask(method, path, body) with a key of that workspace."""
    _, key = api_keys.create_key(
        actor=SYSTEM, workspace=workspace, name="Test", scopes=list(SCOPES) if scopes is None else scopes
    )

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        return getattr(client, method)(
            f"/api/v1/{path}",
            *([] if body is None else [body]),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"} | headers,
        )

    return ask


@pytest.fixture
def ask(client: Any, workspace: Workspace) -> Ask:
    return asking(client, workspace)
