"""Endpoints, what they are owed, and the passage of time."""

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from connections.models import Workspace
from tests.factories import SYSTEM, incident_event
from tests.support.http_sinks import Sink
from workflows import worker
from workflows.inbox import store
from workflows.models import Event, Hook, HookDelivery, Trigger
from workflows.outgoing import endpoints


def subscribe(workspace: Workspace, url: str, **what: Any) -> tuple[Hook, str]:
    fields = {"events": True, "runs": False} | what
    return endpoints.create(actor=SYSTEM, workspace=workspace, name="Sink", url=url, **fields)


def arrive(trigger: Trigger, incident: str, number: int) -> Event:
    """The `number`-th thing that happens to an incident."""
    body = json.dumps(incident_event(incident=incident, title=f"{incident} {number}")).encode()
    store.store(trigger, body=body)
    return Event.objects.latest("seq")


def all_due() -> None:
    """Make everything that waits due now; leases and holds stay."""
    HookDelivery.objects.filter(status="waiting").update(next_attempt_at=timezone.now())


def days_pass() -> None:
    """Date first attempts four days back, and last attempts an hour."""
    now = timezone.now()
    tried = HookDelivery.objects.filter(first_tried_at__isnull=False)
    tried.update(first_tried_at=now - timedelta(days=4), tried_at=now - timedelta(hours=1))


def send_all() -> None:
    while worker.send_hooks():
        pass


def titles(server: Sink, incident: str) -> list[str]:
    """What the sink took of an incident, in the order in which it first took each."""
    seen: dict[str, str] = {}
    for message_id, message in server.took:
        if message["data"]["lane"] == incident:
            seen.setdefault(message_id, message["data"]["payload"]["event"]["data"]["title"])
    return list(seen.values())
