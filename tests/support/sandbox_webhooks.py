"""A connection that may keep webhooks, and turns of the workers with what is due."""

import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.utils import timezone

from connections.models import AuditEvent, Connection
from pagerduty_app import signatures
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, people
from tests.support.consent import consented
from tests.support.contract import Contract
from tests.support.relay import post
from workflows.engine import fanout
from workflows.models import Event, Subscription, Trigger
from workflows.subscriptions import reconciler
from workflows.triggers import lifecycle

Json = dict[str, Any]
ACCOUNT = "PACME01"


class Killed(BaseException):
    """The worker's process dies here."""


@pytest.fixture(autouse=True)
def _held_to_the_contract(sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request about webhooks, and each answer, fits what PagerDuty has published."""
    contract, send = Contract.load_from_env(), requests.Session.send

    def checked(self: Any, request: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url)
        ours = contract and request.url.startswith(settings.PAGERDUTY_API_URL) and "oauth" not in parts.path
        if contract and ours:
            given = json.loads(request.body) if request.body else None
            contract.check_request(request.method, parts.path, parse_qsl(parts.query), request.headers, given)
        return send(self, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", checked)


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    """With the optional scopes."""
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=["webhooks"])


@pytest.fixture
def trigger(connection: Connection, relay: Any) -> Trigger:
    """New, its webhook wished for and not made yet."""
    return make(connection, "triggered")


@pytest.fixture
def kept(trigger: Trigger, relay: Any) -> Trigger:
    """With a webhook of its own that has proved itself."""
    prove(trigger, relay)
    assert [row.status for row in trigger.subscriptions.all()] == ["on"]
    return trigger


def make(connection: Connection, happens: str, **options: Any) -> Trigger:
    return lifecycle.create(
        actor=SYSTEM,
        connection=connection,
        key=f"pagerduty/incident-{happens}",
        name="New incidents",
        options=options,
    )


def prove(trigger: Trigger, relay: Any) -> None:
    """From the wish to the webhook that works."""
    turn()
    assert relay.let_in(1) == [202]
    turn()
    trigger.refresh_from_db()


def turn(*, rounds: int = 1) -> None:
    """The workers' next turns, as if the time for everything that is to come soon had come."""
    for _ in range(rounds):
        now = timezone.now()
        soon = Subscription.objects.filter(next_attempt_at__lt=now + timedelta(hours=2))
        soon.update(next_attempt_at=now, lease_until=None)
        reconciler.tend_due(time.monotonic() + 30)


def theirs(sandbox: Sandbox, trigger: Trigger | None = None) -> list[Json]:
    """PagerDuty's subscriptions, those with the trigger's address if one is given."""
    rows = sandbox.store.all("subscription", ACCOUNT)
    return [row for row in rows if trigger is None or row["url"] == trigger.url]


def row(trigger: Trigger, status: str) -> Subscription:
    return trigger.subscriptions.get(status=status)


def open_incident(sandbox: Sandbox, title: str = "The shop is down") -> Json:
    wanted = {"type": "incident", "title": title, "service": {"id": "PSVC00"}}
    return sandbox.incidents.open(ACCOUNT, sandbox.person(ACCOUNT), wanted)


def change(sandbox: Sandbox, incident: Json, status: str) -> None:
    sandbox.incidents.change(ACCOUNT, sandbox.person(ACCOUNT), incident["id"], {"status": status})


def disable(sandbox: Sandbox, subscription: Json) -> None:
    changed = subscription | {"disabled_until": time.time() + 3600}
    sandbox.store.put("subscription", subscription["id"], changed)


def told(trigger: Trigger, event_type: str = "incident.triggered") -> list[Event]:
    """The events of that type, oldest first."""
    fanout.fan_out_due()
    return list(trigger.events.filter(event_type=event_type).order_by("seq"))


def audited(action: str) -> list[Json]:
    return [event.detail for event in AuditEvent.objects.filter(action=f"trigger.{action}")]


def asked(sandbox: Sandbox) -> list[str]:
    """What was asked about webhooks, as "POST /webhook_subscriptions"."""
    return [
        f"{one['method']} {one['path']}" for one in sandbox.requests if "webhook_subscriptions" in one["path"]
    ]


def late(kept: Trigger, incident: Json, happened: str, occurred_at: str) -> int:
    """The delivery after all, as PagerDuty would have sent it; answers its status."""
    event = {
        "id": "01LATE",
        "event_type": f"incident.{happened}",
        "resource_type": "incident",
        "occurred_at": occurred_at,
        "agent": None,
        "client": None,
        "data": {"id": incident["id"], "type": "incident", "title": incident["title"], "status": happened},
    }
    body = json.dumps({"event": event}).encode()
    secret = row(kept, "on").secret
    assert secret is not None
    return post(f"/hooks/pagerduty/{kept.token}", signatures.sign(body, secret.value()), body)
