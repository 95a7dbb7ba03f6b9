"""Integrations → Generic Webhooks (v3): create and test the account's webhooks by hand."""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from pagerduty_app.sandbox.control import views
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.pages.incidents import page
from pagerduty_app.sandbox.refusals import not_found
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES, HAPPENING
from pagerduty_app.sandbox.world.webhooks import is_active

Json = dict[str, Any]
# Scope types, and the kind of object to choose for each.
_SCOPES = {"account": "", "service": "service", "team": "team"}


@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest, subdomain: str) -> HttpResponse:
    """List all webhooks; POST adds one and shows its secret once."""
    sandbox = sandbox_of(request)
    account = views.account_of(sandbox, subdomain)
    made, problem = _add(request, account) if request.method == "POST" else (None, "")
    things = {kind: sandbox.store.all(kind, account) for kind in ("service", "team")}
    kept = request.POST if problem else None
    return page(
        request,
        "webhooks",
        subdomain=subdomain,
        subscriptions=[_shown(row, things) for row in sandbox.store.all("subscription", account)],
        made=made,
        problem=problem,
        kept=kept,
        services=things["service"],
        teams=things["team"],
        scopes=_SCOPES,
        event_types=EVENT_TYPES,
        ticked=kept.getlist("events") if kept else HAPPENING,
        deliveries=_deliveries(sandbox, account),
    )


def _add(request: HttpRequest, account: str) -> tuple[Json | None, str]:
    """Return the new webhook, or the error of the form."""
    sandbox, form = sandbox_of(request), request.POST
    url, scope = form.get("url", "").strip(), form.get("scope", "account")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None, "Webhook URL: enter an address that begins with http:// or https://."
    # A form without check boxes, as other programs send it, selects all types.
    events = [kind for kind in EVENT_TYPES if kind in form.getlist("events")] or (
        [] if "scope" in form else list(EVENT_TYPES)
    )
    if not events:
        return None, "Event Subscription: tick at least one event type."
    kind = _SCOPES.get(scope)
    if kind is None:
        return None, "Scope Type: choose Account, Service or Team."
    filter_ = {"type": f"{scope}_reference"}
    if kind:
        filter_["id"] = form.get(kind, "")
        if not any(row["id"] == filter_["id"] for row in sandbox.store.all(kind, account)):
            return None, f"Choose a {kind} of this account."
    return sandbox.subscribe(account, url, events, filter_), ""


def _shown(subscription: Json, things: dict[str, list[Json]]) -> Json:
    """Return a row of the table: the subscription with its scope and state in words."""
    kind = subscription["filter"].get("type", "").removesuffix("_reference")
    names = [row["name"] for row in things.get(kind, []) if row["id"] == subscription["filter"].get("id")]
    state = "Enabled" if is_active(subscription) else "Disabled"
    if state == "Disabled" and subscription["active"]:
        state = "Temporarily disabled"
    return subscription | {"scope": ": ".join([kind.capitalize(), *names]), "state": state}


def _deliveries(sandbox: Sandbox, account: str) -> list[tuple[Any, ...]]:
    """Return the account's last 50 deliveries."""
    return sandbox.store.rows(
        "SELECT subscription, event_type, state, attempts, last_status FROM deliveries WHERE subscription IN"
        " (SELECT id FROM docs WHERE kind = 'subscription' AND account = ?) ORDER BY seq DESC LIMIT 50",
        (account,),
    )


@require_POST
def webhook(request: HttpRequest, subdomain: str, some_id: str) -> HttpResponse:
    """Ping, enable or delete a webhook of the account."""
    sandbox = sandbox_of(request)
    subscription = sandbox.store.get("subscription", some_id)
    if subscription is None or subscription["account"] != views.account_of(sandbox, subdomain):
        raise not_found()
    act = request.POST.get("act")
    if act == "ping":
        sandbox.ping(subscription)
    elif act == "enable":
        enabled = {"active": True, "disabled_until": 0.0, "drops": 0}
        sandbox.store.put("subscription", some_id, subscription | enabled)
    elif act == "delete":
        sandbox.store.delete("subscription", some_id)
    return HttpResponseRedirect(f"/app/{subdomain}/webhooks")
