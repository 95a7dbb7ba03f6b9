"""Rows and bodies that tests begin with: people, a connection, a trigger, a workflow, a delivery, an API client."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import responses
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from connections.accounts import api_keys
from connections.models import Account, Connection, Grant, Membership, User, Workspace
from connections.tenancy.actor import Actor
from connections.tenancy.permissions import SCOPES
from core.crypto import seal
from workflows.authoring import lifecycle as authoring
from workflows.inbox import store
from workflows.models import ActionCall, Trigger, TriggerSecret, Workflow
from workflows.queue.in_flight import PER_CONNECTION

SECRET = "a-signing-secret-of-the-test"
ALL_SCOPES = [
    "incidents.read",
    "incidents.write",
    "services.read",
    "users.read",
    "schedules.read",
    "schedules.write",
    "teams.read",
]
SYSTEM = Actor.system("test")
DANA = "dana@acme.example"
API = settings.PAGERDUTY_API_URL


@dataclass
class People:
    """The four with their workspaces: `acme` is the agency's, `other` is Charlie's."""

    alice: User
    dora: User
    bob: User
    charlie: User
    agency: Account
    acme: Workspace
    other: Workspace


def people() -> People:
    # A third of the tests begin with them: four statements instead of twelve.
    alice, dora, bob, charlie = User.objects.bulk_create(
        User(email=f"{name}@{name}.example", password=make_password(None))
        for name in ("alice", "dora", "bob", "charlie")
    )
    agency, rival = Account.objects.bulk_create([Account(name="Agency"), Account(name="Rival")])
    roles = (
        (agency, alice, "owner"),
        (agency, dora, "admin"),
        (agency, bob, "member"),
        (rival, charlie, "owner"),
    )
    Membership.objects.bulk_create(
        Membership(account=account, user=user, role=role) for account, user, role in roles
    )
    acme, other = Workspace.objects.bulk_create(
        [Workspace(account=agency, name="Acme"), Workspace(account=rival, name="Other")]
    )
    return People(alice, dora, bob, charlie, agency, acme, other)


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


def signed_with(trigger: Trigger, secret: str) -> TriggerSecret:
    """A signing secret of a trigger that holds no deliveries, by one statement instead of the ten of adding it."""
    row = TriggerSecret(trigger=trigger)
    seal(row, "secret", secret)
    row.save()
    return row


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


def list_step(connection: Connection) -> dict[str, Any]:
    """A step that needs nothing of an event."""
    return {"key": "list", "connection": str(connection.pk), "action": "pagerduty/list-services", "input": {}}


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


def add_note(mock: responses.RequestsMock, incident: str = "PINC1", **answer: Any) -> responses.BaseResponse:
    note = {"note": {"id": "PNOTE1", "content": "…", "created_at": "2026-11-01T10:00:01Z"}}
    added: responses.BaseResponse = mock.post(
        f"{API}/incidents/{incident}/notes", **({"json": note} | answer)
    )
    return added


def requests_in_flight(connection: Connection, number: int = PER_CONNECTION, **state: Any) -> None:
    """Requests to that connection that workers have on their way: as many as one process may have."""
    sent = {
        "status": "running",
        "origin": "step",
        "lease_until": timezone.now() + timedelta(minutes=5),
    } | state
    of = {"connection": connection, "workspace_id": connection.workspace_id, "action": "x/y", "input": {}}
    ActionCall.objects.bulk_create(ActionCall(**of, **sent) for _ in range(number))


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
