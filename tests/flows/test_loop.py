"""Two workflows of two workspaces that start each other, with the real PagerDuty sandbox between them: they stop."""

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM
from tests.flows.running import Product, wait_for

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("loop")]
KEY = "pagerduty/incident-triggered"
DANA = "dana@acme.example"
DEEPEST = 5
# A second workspace of the demo agency, connected through the real consent, with an API key of its own.
_SECOND = f"""
import json
from connections import api_keys
from connections.actors import SCOPES, Actor
from connections.models import Connection, User, Workspace
from django.urls import reverse
from taskjuice.demo import consent
from workflows import triggers
user = User.objects.get()
workspace = Workspace.objects.create(account=Workspace.objects.get().account, name="Globex")
form = {{"provider": "pagerduty", "label": "Globex's PagerDuty", "workspace": workspace.pk}}
consent.give(user, reverse("connections:connect"), form)
connection = Connection.objects.get(workspace=workspace, status="active")
actor = Actor.system("Flow test")
_, key = api_keys.create_key(actor=actor, workspace=workspace, name="Flow", scopes=list(SCOPES))
trigger = triggers.create(actor=actor, connection=connection, key="{KEY}", name="Theirs")
made = {{"api_key": key, "connection": str(connection.pk)}}
print(json.dumps(made | {{"trigger": str(trigger.pk), "url": trigger.url}}))
"""


def test_two_workspaces_that_start_each_other_stop_within_a_minute_and_say_why(
    page: Page, product: Product, seed: dict[str, Any]
) -> None:
    ours = {"api_key": seed["api_key"], "connection": seed["connection"]}
    ours |= {"trigger": seed["triggers"][KEY]["id"], "url": seed["triggers"][KEY]["url"]}
    theirs = json.loads(product.manage("shell", "-c", _SECOND).splitlines()[-1])
    store = product.sandbox.store
    account = next(row["id"] for row in store.all("account") if row["subdomain"] == "acme")
    payments, checkout = (service["id"] for service in store.all("service", account)[:2])
    listen(product, ours, account, payments, opens_on=checkout)
    listen(product, theirs, account, checkout, opens_on=payments)

    begun = time.monotonic()
    form = {"title": "Payments are slow", "service": payments}
    assert product.http.post(f"{product.theirs.url}/app/acme/incidents", data=form, timeout=10).ok
    rows = product.database.rows
    ended = "SELECT COUNT(*) FROM workflows_run WHERE status = 'cancelled'"
    wait_for("the chain to end", lambda: rows(ended)[0][0], 60)
    assert time.monotonic() - begun < 60

    # Nothing is under way any more: what there is now is all there will be.
    open_ = "SELECT COUNT(*) FROM workflows_event WHERE status = 'queued'"
    wait_for("every event to be done", lambda: rows(open_)[0][0] == 0)
    time.sleep(3)
    runs = rows("SELECT depth, status, workspace_id FROM workflows_run ORDER BY seq")
    assert [run[:2] for run in runs] == [
        *((depth, "completed") for depth in range(DEEPEST + 1)),
        (DEEPEST, "cancelled"),
    ]
    assert [run[2] == runs[0][2] for run in runs] == [True, False] * 3 + [True]
    incidents = "SELECT COUNT(*) FROM incidents WHERE account = ? AND body LIKE '%in a circle%'"
    assert store.rows(incidents, (account,)) == [(DEEPEST + 1,)]
    says_why(page, product, ours)


def listen(product: Product, side: dict[str, str], account: str, service: str, *, opens_on: str) -> None:
    """A workflow on the incidents of one service, which opens one on another; and the webhook that starts it."""
    events = ["incident.triggered"]
    only = {"type": "service_reference", "id": service}
    webhook = product.sandbox.subscribe(account, side["url"], events, only)
    secret = {"secret": webhook["secret"]}
    path = f"triggers/{side['trigger']}/secrets/"
    assert product.api(side["api_key"], "POST", path, secret).status_code == 201
    step = {
        "key": "open",
        "connection": side["connection"],
        "action": "pagerduty/create-incident",
        "input": {"from": DANA, "service_id": opens_on, "title": "Round and round, in a circle"},
    }
    body = {"name": "In a circle", "trigger": side["trigger"], "steps": [step], "publish": True}
    assert product.api(side["api_key"], "POST", "workflows/", body).status_code == 201


def says_why(page: Page, product: Product, ours: dict[str, str]) -> None:
    (last,) = product.api(ours["api_key"], "GET", "runs/?status=cancelled").json()["results"]
    assert (last["error"]["code"], last["depth"]) == ("chain_too_long", DEEPEST)
    page.goto("/runs/?status=cancelled")
    row = page.get_by_role("row", name="in a circle")
    expect(row).to_contain_text("a run of a workflow caused this event")
    row.get_by_role("link", name="in a circle").first.click()
    expect(page.locator("#state")).to_contain_text("do not feed each other without end")
    expect(page.get_by_text(f"number {DEEPEST} in its chain")).to_be_visible()
