"""Workflows of two workspaces that answer notes with notes, with the real PagerDuty sandbox between them: they stop."""

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM
from tests.flows.running import Product, wait_for

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("loop")]
KEY = "pagerduty/incident-note-added"
DANA = "dana@acme.example"
MAX_RUNS = 20
# A second workspace of the demo agency, connected through the real consent, with an API key of its own.
_SECOND = f"""
import json
from connections.accounts import api_keys
from connections.tenancy.actor import Actor
from connections.tenancy.permissions import SCOPES
from connections.models import Connection, User, Workspace
from django.urls import reverse
from taskjuice.demo import consent
from workflows.triggers import lifecycle
user = User.objects.get()
workspace = Workspace.objects.create(account=Workspace.objects.get().account, name="Globex")
form = {{"provider": "pagerduty", "label": "Globex's PagerDuty", "workspace": workspace.pk}}
consent.give(user, reverse("connections:connect"), form)
connection = Connection.objects.get(workspace=workspace, status="active")
actor = Actor.system("Flow test")
_, key = api_keys.create_key(actor=actor, workspace=workspace, name="Flow", scopes=list(SCOPES))
trigger = lifecycle.create(actor=actor, connection=connection, key="{KEY}", name="Theirs")
made = {{"api_key": key, "connection": str(connection.pk)}}
print(json.dumps(made | {{"trigger": str(trigger.pk), "url": trigger.url}}))
"""
_QUEUED = "SELECT COUNT(*) FROM workflows_event WHERE status = 'queued'"
_OPEN = "SELECT COUNT(*) FROM workflows_run WHERE status IN ('pending', 'running', 'waiting')"


def test_notes_that_answer_notes_stop_and_a_person_can_start_them_again(
    page: Page, product: Product, seed: dict[str, Any]
) -> None:
    ours = {"api_key": seed["api_key"], "connection": seed["connection"]}
    ours |= {"trigger": seed["triggers"][KEY]["id"], "url": seed["triggers"][KEY]["url"]}
    account = next(row["id"] for row in product.sandbox.store.all("account") if row["subdomain"] == "acme")
    incident = control(product, "incidents", {"title": "Payments are slow"})["incidents"][0]
    listen(product, ours, account)

    control(product, f"incidents/{incident}/note", {"content": "Who is on it?"})
    assert runs_when_quiet(product, at_least=4) == [0, 0, 1, 1]

    theirs = json.loads(product.manage("shell", "-c", _SECOND).splitlines()[-1])
    listen(product, theirs, account)
    control(product, f"incidents/{incident}/note", {"content": "I am"})
    assert len(runs_when_quiet(product, at_least=4 + MAX_RUNS)) == 4 + MAX_RUNS
    paused = "SELECT COUNT(*) FROM workflows_workflow WHERE status = 'paused'"
    assert product.database.rows(paused) == [(0,)]
    says_why(page, product, ours)


def control(product: Product, path: str, body: dict[str, Any]) -> Any:
    return product.http.post(f"{product.theirs.url}/_sandbox/{path}", json=body, timeout=10).json()


def listen(product: Product, side: dict[str, str], account: str) -> None:
    """Two workflows on one trigger that write a note when one was added; and the webhook that starts them."""
    webhook = product.sandbox.subscribe(
        account, side["url"], ["incident.annotated"], {"type": "account_reference"}
    )
    path = f"triggers/{side['trigger']}/secrets/"
    secret = {"secret": webhook["secret"]}
    assert product.api(side["api_key"], "POST", path, secret).status_code == 201
    for number in range(2):
        step = {
            "key": "answer",
            "connection": side["connection"],
            "action": "pagerduty/create-incident-note",
            "input": {
                "from": DANA,
                "incident_id": "{{ trigger.incident.id }}",
                "content": f"{side['connection'][:4]} {number}: {{{{ trigger.note.content | truncate: 200 }}}}",
            },
        }
        body = {"name": f"Answer {number}", "trigger": side["trigger"], "steps": [step], "publish": True}
        answer = product.api(side["api_key"], "POST", "workflows/", body)
        assert answer.status_code == 201, answer.text


def runs_when_quiet(product: Product, at_least: int) -> list[int]:
    """The depths of all runs, when nothing has been under way for a while."""
    depths = "SELECT depth FROM workflows_run ORDER BY depth"
    wait_for("the runs", lambda: len(product.database.rows(depths)) >= at_least, 60)
    quiet = 0
    while quiet < 3:
        time.sleep(1)
        busy = product.database.rows(_QUEUED)[0][0] + product.database.rows(_OPEN)[0][0]
        quiet = 0 if busy else quiet + 1
    return [depth for (depth,) in product.database.rows(depths)]


def says_why(page: Page, product: Product, ours: dict[str, str]) -> None:
    events = product.api(ours["api_key"], "GET", f"events/?trigger={ours['trigger']}").json()["results"]
    codes = {kept["code"] for event in events for kept in event["not_started"]}
    assert codes == {"already_in_chain", "chain_limit"}
    echo = next(event for event in events if event["not_started"])
    page.goto(f"/triggers/{ours['trigger']}/deliveries/{echo['id']}/")
    expect(page.get_by_text("Not started:").first).to_be_visible()
