"""A draft to edit, its pages, and a step to add."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from connections.models import Connection
from tests.factories import DANA
from workflows.models import Workflow

Deliver = Callable[..., Any]
TITLE = "{{ trigger.incident.title }}"
NOTE = {
    "name": "Runbook",
    "on_error": "stop",
    "in-from": DANA,
    "in-incident_id": "{{ trigger.incident.id }}",
    "in-content": f"Runbook for {TITLE}",
}


def address(workflow: Workflow, name: str, *more: Any) -> str:
    return reverse(f"workflows:{name}", args=[workflow.pk, *more])


def step_address(workflow: Workflow, connection: Connection, action: str, name: str = "add_step") -> str:
    return address(workflow, name, connection.pk, "pagerduty", action)


def add_note_step(bob: Client, draft: Workflow, connection: Connection, **changes: str) -> Any:
    data = (
        NOTE
        | {"connection": str(connection.pk)}
        | {name.replace("in_", "in-", 1): value for name, value in changes.items()}
    )
    return bob.post(step_address(draft, connection, "create-incident-note"), data)


def steps_of(workflow: Workflow) -> list[dict[str, Any]]:
    workflow.refresh_from_db()
    found: list[dict[str, Any]] = workflow.draft["steps"]
    return found
