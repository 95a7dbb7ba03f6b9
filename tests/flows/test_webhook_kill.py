"""kill -9 of the workers while PagerDuty makes a webhook: one is there in the end, and its secret is known."""

from typing import Any

import pytest

from tests.flows.running import Product, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("webhook-kill"), pytest.mark.timeout(300)]
PATH = "/webhook_subscriptions"
# The lease of a dead worker lasts a minute.
PATIENCE = 150.0
_ASK_FOR_MORE = """
from django.urls import reverse
from connections.models import Connection, User
from taskjuice.demo import consent
page = reverse("connections:reconnect", args=["{connection}"])
user = User.objects.get(email="{email}")
consent.give(user, page, {{"optional_asked": "1", "optional_webhooks": "on"}})
"""


def test_a_kill_between_the_request_and_its_answer_leaves_one_webhook(product: Product) -> None:
    seed, sandbox = product.seed(), product.sandbox
    product.manage("shell", "-c", _ASK_FOR_MORE.format(**seed))
    sandbox.faults.add([{"kind": "delay", "method": "POST", "path": f"{PATH}$", "seconds": 6.0, "times": 1}])
    body = {"key": "pagerduty/incident-triggered", "connection": seed["connection"], "name": "By itself"}
    trigger = product.api(seed["api_key"], "POST", "triggers/", body).json()

    def posts() -> list[dict[str, Any]]:
        return [one for one in sandbox.requests if (one["method"], one["path"]) == ("POST", PATH)]

    def there() -> list[dict[str, Any]]:
        return [row for row in sandbox.store.all("subscription") if row["url"] == trigger["url"]]

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = product.api(seed["api_key"], "GET", f"triggers/{trigger['id']}/").json()
        return found

    wait_for("the request to leave", posts)
    assert product.kill_child("qcluster")
    (lost,) = wait_for("PagerDuty to make the webhook all the same", there)
    assert shown()["set_up"]["state"] == "making"
    wait_for("another one that works", lambda: shown()["set_up"]["state"] == "works", PATIENCE)

    (kept,) = there()
    assert kept["id"] != lost["id"]
    assert kept["id"] == shown()["set_up"]["webhook"]
    account = kept["account"]
    wanted = {"type": "incident", "title": "After all that", "service": {"id": "PSVC00"}}
    sandbox.incidents.open(account, sandbox.person(account), wanted)
    query = f"events/?trigger={trigger['id']}"

    def events() -> list[dict[str, Any]]:
        rows = product.api(seed["api_key"], "GET", query).json()["results"]
        return [row for row in rows if row["event_type"] == "incident.triggered"]

    (event,) = wait_for("the event", events)
    assert not event["recovered"]
