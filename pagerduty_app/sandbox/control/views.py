"""The control API under /_sandbox/: acts of people, faults, inspection. For demos and tests; no sign-in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.refusals import Refused, invalid, not_found
from pagerduty_app.sandbox.sandbox import Sandbox

Json = dict[str, Any]
_CHANGES = {
    "acknowledge": "acknowledged",
    "resolve": "resolved",
    "reopen": "triggered",
    "unacknowledge": "triggered",
}


def body_of(request: HttpRequest) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return body


def account_of(sandbox: Sandbox, name: str) -> str:
    """Return the id of the account with that subdomain."""
    for account in sandbox.store.all("account"):
        if account["subdomain"] == name:
            return str(account["id"])
    raise not_found(2100, f"No account {name}.")


@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """Return counts; also serves as health check."""
    sandbox = sandbox_of(request)
    store = sandbox.store
    return JsonResponse(
        {
            "incidents": store.rows("SELECT COUNT(*) FROM incidents")[0][0],
            "notes": len(store.all("note")),
            "subscriptions": len(store.all("subscription")),
            "deliveries": dict(store.rows("SELECT state, COUNT(*) FROM deliveries GROUP BY state")),
            "requests": len(sandbox.requests),
            "renewals": sandbox.tokens.renewals,
        }
    )


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    sandbox_of(request).reset()
    return JsonResponse({})


@require_http_methods(["GET", "POST", "DELETE"])
def faults(request: HttpRequest) -> HttpResponse:
    """POST {"rules": [{"kind", "method", "path", …}], "scopes": […], "consent": {"error", …}} adds; DELETE clears."""
    faults = sandbox_of(request).faults
    if request.method == "DELETE":
        faults.clear()
    elif request.method == "POST":
        body = body_of(request)
        try:
            faults.add(body.get("rules", []))
        except (TypeError, ValueError) as error:
            raise invalid(str(error)) from None
        faults.scopes = body.get("scopes", faults.scopes)
        faults.consent = body.get("consent", faults.consent)
    rules = [rule.as_json() for rule in faults.rules]
    return JsonResponse({"rules": rules, "scopes": faults.scopes, "consent": faults.consent})


@require_POST
def settings(request: HttpRequest) -> HttpResponse:
    """{"token_lifetime": seconds, "rate_limit": per minute, "longest_wait": seconds between delivery attempts}."""
    sandbox, body = sandbox_of(request), body_of(request)
    sandbox.tokens.lifetime = body.get("token_lifetime", sandbox.tokens.lifetime)
    sandbox.rate_limit.per_minute = body.get("rate_limit", sandbox.rate_limit.per_minute)
    sandbox.sender.longest_wait = body.get("longest_wait", sandbox.sender.longest_wait)
    return JsonResponse({})


@require_http_methods(["GET", "POST"])
def subscriptions(request: HttpRequest) -> HttpResponse:
    """POST {"account", "url", "events"?, "filter"?} → {"id", "secret"}: add a webhook as a person would."""
    sandbox = sandbox_of(request)
    if request.method == "GET":
        rows = [{"id": row["id"], "url": row["url"]} for row in sandbox.store.all("subscription")]
        return JsonResponse({"subscriptions": rows})
    body = body_of(request)
    account = account_of(sandbox, body.get("account", "acme"))
    filter_ = body.get("filter", {"type": "account_reference"})
    made = sandbox.subscribe(account, str(body.get("url", "")), body.get("events", []), filter_)
    return JsonResponse({"id": made["id"], "secret": made["secret"]})


@require_POST
def ping(request: HttpRequest, some_id: str) -> HttpResponse:
    sandbox = sandbox_of(request)
    subscription = sandbox.store.get("subscription", some_id)
    if subscription is None:
        raise not_found()
    sandbox.ping(subscription)
    return JsonResponse({})


@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """Return the last 1,000 deliveries, optionally of one subscription, oldest first."""
    names = ("subscription", "lane", "event_type", "state", "attempts", "last_status")
    rows = sandbox_of(request).store.rows(
        "SELECT subscription, lane, event_type, state, attempts, last_status FROM deliveries"
        " WHERE ? IN ('', subscription) ORDER BY seq DESC LIMIT 1000",
        (request.GET.get("subscription", ""),),
    )
    return JsonResponse({"deliveries": [dict(zip(names, row, strict=True)) for row in reversed(rows)]})


@require_POST
def incidents(request: HttpRequest) -> HttpResponse:
    """{"account", "service_id", "title"?, "urgency"?, "count"?, "created_at"?, "apart"?, "silent"?} → {"incidents"}.

    silent: without events, for filling lists with several thousand at once. apart: seconds by which each is older than
    the one before; the first is created at `created_at`, or now.
    """
    sandbox, body = sandbox_of(request), body_of(request)
    account = account_of(sandbox, body.get("account", "acme"))
    services = sandbox.store.all("service", account)
    service = body.get("service_id") or services[0]["id"]
    fields: Json = {
        name: body[name]
        for name in ("title", "urgency", "incident_key", "created_at", "status")
        if name in body
    }
    made = []
    newest = datetime.fromisoformat(body["created_at"]) if "created_at" in body else datetime.now(UTC)
    for number in range(int(body.get("count", 1))):
        if body.get("silent"):
            if "apart" in body:
                at = newest - timedelta(seconds=number * body["apart"])
                fields["created_at"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
            made.append(sandbox.incidents.insert(account, service, **fields)["id"])
        else:
            wanted: Json = {"type": "incident", "title": "An incident", "service": {"id": service}, **fields}
            made.append(sandbox.incidents.open(account, sandbox.person(account), wanted)["id"])
    return JsonResponse({"incidents": made})


@require_http_methods(["GET", "DELETE"])
def incident(request: HttpRequest, incident_id: str) -> HttpResponse:
    """Return the incident with its notes, as a person sees it in PagerDuty."""
    sandbox, account = sandbox_of(request), request.GET.get("account", "acme")
    account_id = account_of(sandbox, account)
    if request.method == "DELETE":
        sandbox.incidents.delete(account_id, incident_id)
        return JsonResponse({})
    found = sandbox.incidents.get(account_id, incident_id)
    return JsonResponse({"incident": found, "notes": sandbox.incidents.notes(account_id, incident_id)})


@require_POST
def act(request: HttpRequest, incident_id: str, what: str) -> HttpResponse:
    """Acknowledge, resolve, reopen, unacknowledge or annotate ({"content"}) as a person in PagerDuty."""
    sandbox, body = sandbox_of(request), body_of(request)
    account = account_of(sandbox, body.get("account", "acme"))
    user = sandbox.person(account, body.get("user"))
    if what == "note":
        note = sandbox.incidents.annotate(account, user, incident_id, str(body.get("content", "A note")))
        return JsonResponse({"note": note})
    if what not in _CHANGES:
        raise not_found()
    changed = sandbox.incidents.change(account, user, incident_id, {"status": _CHANGES[what]})
    return JsonResponse({"incident": changed})


@require_POST
def revoke_grants(request: HttpRequest) -> HttpResponse:
    """{"client"?, "account"?, "user"?}: remove the app as a person would. → {"revoked": how many}"""
    wanted = {
        name: value for name, value in body_of(request).items() if name in ("client", "account", "user")
    }
    return JsonResponse({"revoked": sandbox_of(request).tokens.revoke(**wanted)})


@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    """Return the last REST requests: time, method, path, query, headers, body, status, client; never a token."""
    since = float(request.GET.get("since", 0))
    return JsonResponse(
        {"requests": [row for row in list(sandbox_of(request).requests) if row["at"] >= since]}
    )


def refused(error: Refused) -> HttpResponse:
    return JsonResponse(error.body(), status=error.status)
