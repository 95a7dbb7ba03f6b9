"""/webhook_subscriptions (api-schema): the secret is told once, in the answer to the creation."""

from typing import Any

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import invalid, not_found
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.webhooks import is_active

Json = dict[str, Any]
_READ, _WRITE = "webhook_subscriptions.read", "webhook_subscriptions.write"


def shown(subscription: Json, *, secret: bool = False) -> Json:
    """A subscription as PagerDuty shows it."""
    return {
        "id": subscription["id"],
        "type": "webhook_subscription",
        "active": subscription["active"],
        "delivery_method": {
            "type": "http_delivery_method",
            "url": subscription["url"],
            "temporarily_disabled": subscription["active"] and not is_active(subscription),
            "secret": subscription["secret"] if secret else None,
            "custom_headers": [],
        },
        "description": subscription["description"],
        "events": subscription["events"],
        "filter": subscription["filter"],
    }


def _found(call: Call, some_id: str) -> Json:
    subscription = call.sandbox.store.get("subscription", some_id)
    if subscription is None or subscription["account"] != call.account:
        raise not_found()
    return subscription


@operation(get=_READ, post=_WRITE)
def collection(call: Call) -> Answer:
    if call.request.method == "GET":
        offset, limit = window(call.request.GET)
        rows = [shown(row) for row in call.sandbox.store.all("subscription", call.account)]
        found = rows[offset : offset + limit]
        return 200, page("webhook_subscriptions", found, offset, limit, len(rows), call.request.GET)
    wanted = call.object("webhook_subscription")
    method, filter_, events = (wanted.get(name) for name in ("delivery_method", "filter", "events"))
    if not isinstance(method, dict) or not str(method.get("url", "")).startswith(("http://", "https://")):
        raise invalid("delivery_method.url must be a URL.")
    if not isinstance(filter_, dict) or "type" not in filter_ or not isinstance(events, list) or not events:
        raise invalid("filter and events are required.")
    description = str(wanted.get("description", ""))
    made = call.sandbox.subscribe(call.account, method["url"], events, filter_, description)
    return 200, {"webhook_subscription": shown(made, secret=True)}


@operation(get=_READ, put=_WRITE, delete=_WRITE)
def one(call: Call, some_id: str) -> Answer:
    subscription = _found(call, some_id)
    if call.request.method == "DELETE":
        call.sandbox.store.delete("subscription", some_id)
        return 204, None
    if call.request.method == "PUT":
        wanted = call.object("webhook_subscription")
        names = ("description", "events", "filter", "active")
        subscription |= {name: wanted[name] for name in names if name in wanted}
        call.sandbox.store.put("subscription", some_id, subscription)
    return 200, {"webhook_subscription": shown(subscription)}


@operation(post=_WRITE)
def ping(call: Call, some_id: str) -> Answer:
    call.sandbox.ping(_found(call, some_id))
    return 202, None


@operation(post=_WRITE)
def enable(call: Call, some_id: str) -> Answer:
    subscription = _found(call, some_id) | {"disabled_until": 0.0, "drops": 0}
    call.sandbox.store.put("subscription", some_id, subscription)
    return 200, {"webhook_subscription": shown(subscription)}
