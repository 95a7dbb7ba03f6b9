"""A second provider connects, receives, is dispatched and acts."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connections.connecting import complete
from connections.connecting.complete import Ending
from connections.grants.registry import Identity, Tokens
from connections.models import Account, Connection, Workspace
from connections.tenancy.actor import Actor
from tests import acme_provider
from tests.acme_provider.provider import SCOPES
from tests.acme_provider.shop import Shop
from workflows import worker
from workflows.authoring import lifecycle as authoring
from workflows.inbox import secrets
from workflows.inbox.fast.wsgi import FastPathMiddleware
from workflows.models import Event, Run, Trigger
from workflows.triggers import lifecycle

SYSTEM = Actor.system("test")
SECRET = "the-secret-of-the-shop"
pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    """Connected by a consent that the shop has answered."""
    workspace = Workspace.objects.create(account=Account.objects.create(name="Agency"), name="Client")
    made = Connection.objects.create(workspace=workspace, provider="acme", label="Shop")
    granted = Tokens("access-1", "refresh-1", list(SCOPES), timezone.now() + timedelta(hours=1))
    ending = complete.authorise(
        actor=SYSTEM,
        connection=made,
        identity=Identity("SHOP1", "acme-shop", "U1", "eu"),
        tokens=granted,
        scopes_asked=list(SCOPES),
    )
    assert ending == Ending.CONNECTED
    made.refresh_from_db()
    return made


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    """With a workflow that comments on each order."""
    made = lifecycle.create(actor=SYSTEM, connection=connection, key="acme/order-placed", name="Orders")
    secrets.add_secret(actor=SYSTEM, trigger=made, secret=SECRET)
    step = {
        "key": "comment",
        "connection": str(connection.pk),
        "action": "acme/comment",
        "input": {"order": "{{ trigger.order.id }}", "comment": "Thank you for {{ trigger.order.total }}"},
    }
    workflow = authoring.create(actor=SYSTEM, trigger=made, name="Thanks", definition={"steps": [step]})
    authoring.publish(actor=SYSTEM, workflow=workflow)
    return made


def order(number: str) -> bytes:
    sent = {"id": f"E{number}", "type": "order.placed", "order": {"id": number, "total": "12.50"}}
    return json.dumps(sent).encode()


def post(trigger: Trigger, body: bytes, secret: str = SECRET, *, to: str = "acme") -> int:
    signed: Any = {"HTTP_X_ACME_DIGEST": acme_provider.digest(body, secret)}
    answer = Client().post(f"/hooks/{to}/{trigger.token}", body, content_type="application/json", **signed)
    return answer.status_code


def test_it_receives_is_dispatched_and_acts(trigger: Trigger) -> None:
    assert post(trigger, order("A-7")) == 202
    assert post(trigger, order("A-7")) == 202  # the same event again
    assert post(trigger, order("A-8"), "another secret") == 401
    assert post(trigger, order("A-9"), to="pagerduty") == 404
    assert post(trigger, order("A-9"), to="unknown") == 404

    worker.drain()

    assert [run.status for run in Run.objects.all()] == ["completed"]
    assert acme_provider.DONE == [("access-1", "A-7", "Thank you for 12.50")]


def test_the_fast_path_takes_its_deliveries(trigger: Trigger) -> None:
    assert post(trigger, order("A-1")) == 202  # the first confirms the URL, by Django

    def never(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise AssertionError("left to Django")

    answers: list[str] = []
    body = order("A-2")
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/acme/{trigger.token}",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_ACME_DIGEST": acme_provider.digest(body, SECRET),
        "wsgi.input": BytesIO(body),
    }
    FastPathMiddleware(never)(environ, lambda status, headers: answers.append(status))
    assert answers == ["202 Accepted"]
    assert Event.objects.count() == 2


def test_its_tokens_are_refreshed_by_its_own_adapter(
    trigger: Trigger, connection: Connection, shop: Shop
) -> None:
    grant = connection.grant
    grant.expires_at = grant.next_refresh_at = timezone.now() - timedelta(minutes=1)
    grant.save()
    assert post(trigger, order("A-3")) == 202
    worker.drain()
    assert acme_provider.DONE == [("shop-access-1", "A-3", "Thank you for 12.50")]
