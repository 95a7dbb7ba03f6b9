"""The sandbox's events have the same shape as the documented ones (one body per event type)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.sandbox.conftest import Inbox
from tests.pagerduty_app.sandbox.world.test_webhooks import change, open_one

HINT = "set PAGERDUTY_EVENTS to a folder with one webhook body per event type"
KINDS = (
    "incident.triggered",
    "incident.acknowledged",
    "incident.unacknowledged",
    "incident.resolved",
    "incident.reopened",
    "incident.annotated",
    "pagey.ping",
)


def documented(kind: str) -> dict[str, Any]:
    folder = os.environ.get("PAGERDUTY_EVENTS")
    if not folder:
        pytest.skip(HINT)
    found = Path(folder) / f"{kind}.json"
    event: dict[str, Any] = json.loads(found.read_text())["event"]
    return event


def send(sandbox: Sandbox, kind: str) -> None:
    incident = open_one(sandbox)
    if kind in ("incident.acknowledged", "incident.unacknowledged"):
        change(sandbox, incident, "acknowledged")
    if kind in ("incident.resolved", "incident.reopened"):
        change(sandbox, incident, "resolved")
    if kind in ("incident.unacknowledged", "incident.reopened"):
        change(sandbox, incident, "triggered")
    if kind == "incident.annotated":
        sandbox.incidents.annotate("PACME01", sandbox.person("PACME01"), incident["id"], "A note")
    if kind == "pagey.ping":
        sandbox.ping(sandbox.store.all("subscription")[0])


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_has_the_documented_keys(sandbox: Sandbox, inbox: Inbox, kind: str) -> None:
    theirs = documented(kind)
    sandbox.subscribe("PACME01", inbox.url, [kind], {"type": "account_reference"})

    send(sandbox, kind)

    ours = json.loads(inbox.wait(1)[0][1])["event"]
    assert ours["event_type"] == theirs["event_type"] == kind
    assert set(ours) == set(theirs)
    assert ours["resource_type"] == theirs["resource_type"]
    assert set(ours["data"]) == set(theirs["data"])
