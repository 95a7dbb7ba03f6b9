"""Calls as they may have ended, and their pages."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from workflows.models import ActionCall


def made(connection: Connection, **fields: Any) -> ActionCall:
    """A call that a person asked for; completed unless fields say otherwise."""
    now = timezone.now()
    defaults = {
        "action": "pagerduty/get-incident",
        "origin": "person",
        "input": {"incident_id": "PINC1"},
        "status": "completed",
        "attempts": 1,
        "fingerprint": "x",
        "finished_at": now if fields.get("status", "completed") in ("completed", "failed") else None,
    }
    call = ActionCall(workspace=connection.workspace, connection=connection, **(defaults | fields))
    call.save()
    return call


def failed(connection: Connection, code: str, **fields: Any) -> ActionCall:
    error: dict[str, Any] = {
        "code": code,
        "message": f"It was {code}.",
        "provider_status": None,
        "retryable": False,
        "detail": {},
    }
    return made(connection, status="failed", error=error | fields.pop("error", {}), **fields)


def path_of(call: ActionCall) -> str:
    return reverse("actions:call", args=[call.pk])


def page_of(browser: Client, call: ActionCall) -> str:
    answer = browser.get(path_of(call))
    assert answer.status_code == 200
    return str(answer.content.decode())


def facts(page: str) -> dict[str, str]:
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", value).strip() for name, value in pairs}
