"""/webhook_subscriptions (api-schema): only the response to the creation has the secret."""

from typing import Any

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import invalid, not_found
from pagerduty_app.sandbox.rest.paging import page, window
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES, PING
from pagerduty_app.sandbox.world.webhooks import is_active

Json = dict[str, Any]
_READ, _WRITE = "webhook_subscriptions.read", "webhook_subscriptions.write"
_FILTERS = {"account_reference": "", "service_reference": "service", "team_reference": "team"}
# Webhooks for each service and team, and for the account (PagerDuty's support pages, webhooks).
_MOST_OF_A_KIND = 10
_CHANGEABLE = ("description", "events", "filter", "active")


def shown(subscription: Json, *, secret: bool = False) -> Json:
    """Return a subscription as PagerDuty shows it."""
    return {
        "id": subscription["id"],
        "type": "webhook_subscription",
        "active": subscription["active"],
        "delivery_method": {
            "id": f"D{subscription['id']}",
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


def _check_events(events: Any) -> None:
    """Refuse an empty list, duplicates and unknown event types."""
    if not isinstance(events, list) or not events or not all(isinstance(kind, str) for kind in events):
        raise invalid("events must be a list with at least one event type.")
    if len(set(events)) != len(events):
        raise invalid("events must not repeat.")
    if not {*events} <= {*EVENT_TYPES, PING}:
        raise invalid("events has an unknown event type.")


def _check_filter(call: Call, filter_: Any) -> None:
    """Require the id of a service or team of the account; for the whole account, refuse an id."""
    kind = _FILTERS.get(filter_.get("type", "")) if isinstance(filter_, dict) else None
    if kind is None:
        raise invalid("filter.type must be account_reference, service_reference or team_reference.")
    if kind and not any(row["id"] == filter_.get("id") for row in call.sandbox.store.all(kind, call.account)):
        raise invalid(f"filter.id is not a {kind} of this account.")


def _listed(call: Call) -> list[Json]:
    """Return the subscriptions, filtered by filter_type and filter_id."""
    rows: list[Json] = call.sandbox.store.all("subscription", call.account)
    kind, some_id = call.request.GET.get("filter_type"), call.request.GET.get("filter_id")
    if kind:
        rows = [row for row in rows if row["filter"].get("type") == f"{kind}_reference"]
    if some_id:
        rows = [row for row in rows if row["filter"].get("id") == some_id]
    return rows


@operation(get=_READ, post=_WRITE)
def collection(call: Call) -> Answer:
    if call.request.method == "GET":
        offset, limit = window(call.request.GET)
        rows = _listed(call)
        found = [shown(row) for row in rows[offset : offset + limit]]
        return 200, page("webhook_subscriptions", found, offset, limit, len(rows), call.request.GET)
    wanted = call.object("webhook_subscription")
    method = wanted.get("delivery_method")
    if wanted.get("type") != "webhook_subscription":
        raise invalid("type must be webhook_subscription.")
    if not isinstance(method, dict) or method.get("type") != "http_delivery_method":
        raise invalid("delivery_method.type must be http_delivery_method.")
    if not str(method.get("url", "")).startswith(("http://", "https://")):
        raise invalid("delivery_method.url must be a URL.")
    _check_events(wanted.get("events"))
    _check_filter(call, wanted.get("filter"))
    same = [
        row
        for row in call.sandbox.store.all("subscription", call.account)
        if row["filter"] == wanted["filter"]
    ]
    if len(same) >= _MOST_OF_A_KIND:
        raise invalid(f"There are {_MOST_OF_A_KIND} webhook subscriptions of this kind already.")
    description = str(wanted.get("description", ""))
    made = call.sandbox.subscribe(
        call.account, method["url"], wanted["events"], wanted["filter"], description
    )
    if wanted.get("active") is False:
        made["active"] = False
        call.sandbox.store.put("subscription", made["id"], made)
    return 200, {"webhook_subscription": shown(made, secret=True)}


@operation(get=_READ, put=_WRITE, delete=_WRITE)
def one(call: Call, some_id: str) -> Answer:
    subscription = _found(call, some_id)
    if call.request.method == "DELETE":
        call.sandbox.store.delete("subscription", some_id)
        return 204, None
    if call.request.method == "PUT":
        wanted = call.object("webhook_subscription")
        if "events" in wanted:
            _check_events(wanted["events"])
        if "filter" in wanted:
            _check_filter(call, wanted["filter"])
        if not isinstance(wanted.get("active", True), bool):
            raise invalid("active must be true or false.")
        subscription |= {name: wanted[name] for name in _CHANGEABLE if name in wanted}
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
