"""A few pages where people play PagerDuty: incidents, one incident, webhooks."""

import json
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pagerduty_app.sandbox import control
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.refusals import Refused

_STYLE = Path(__file__).with_name("style.css")
_ACTS = {"acknowledge": "acknowledged", "resolve": "resolved", "reopen": "triggered"}


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return HttpResponse(render_to_string(f"sandbox/{template}.html", context))


@require_GET
def style(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_STYLE.read_bytes(), content_type="text/css")


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/app/acme/incidents")


@require_http_methods(["GET", "POST"])
def incidents(request: HttpRequest, subdomain: str) -> HttpResponse:
    """The account's newest incidents; POST opens one."""
    sandbox = sandbox_of(request)
    account = control.account_of(sandbox, subdomain)
    if request.method == "POST":
        wanted = {
            "type": "incident",
            "title": request.POST.get("title") or "An incident",
            "service": {"id": request.POST.get("service")},
            "urgency": request.POST.get("urgency", "high"),
        }
        made = sandbox.incidents.open(account, sandbox.person(account), wanted)
        return HttpResponseRedirect(f"/app/incidents/{made['id']}")
    rows = sandbox.store.rows(
        "SELECT body FROM incidents WHERE account = ? ORDER BY seq DESC LIMIT 100", (account,)
    )
    return _page(
        request,
        "incidents",
        subdomain=subdomain,
        accounts=[row["subdomain"] for row in sandbox.store.all("account")],
        services=sandbox.store.all("service", account),
        incidents=[json.loads(body) for (body,) in rows],
    )


@require_http_methods(["GET", "POST"])
def incident(request: HttpRequest, incident_id: str) -> HttpResponse:
    """One incident with its notes; POST acts on it."""
    sandbox = sandbox_of(request)
    found = sandbox.store.rows("SELECT account FROM incidents WHERE id = ?", (incident_id,))
    if not found:
        return HttpResponse("No such incident.", status=404, content_type="text/plain")
    account = found[0][0]
    user = sandbox.person(account)
    problem = ""
    if request.method == "POST":
        try:
            if request.POST.get("act") == "note":
                sandbox.incidents.annotate(
                    account, user, incident_id, request.POST.get("content") or "A note"
                )
            else:
                status = _ACTS[request.POST.get("act", "")]
                sandbox.incidents.change(account, user, incident_id, {"status": status})
            return HttpResponseRedirect(request.path)
        except (Refused, KeyError) as error:
            problem = str(error)
    subdomain = (sandbox.store.get("account", account) or {})["subdomain"]
    return _page(
        request,
        "incident",
        subdomain=subdomain,
        incident=sandbox.incidents.get(account, incident_id),
        notes=sandbox.incidents.notes(account, incident_id),
        problem=problem,
    )


@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest, subdomain: str) -> HttpResponse:
    """Integrations → Generic Webhooks (v3): the secret is shown once, in the answer to the POST."""
    sandbox = sandbox_of(request)
    account = control.account_of(sandbox, subdomain)
    made = None
    if request.method == "POST":
        made = sandbox.subscribe(account, request.POST.get("url", ""), [], {"type": "account_reference"})
    deliveries = sandbox.store.rows(
        "SELECT subscription, event_type, state, attempts, last_status FROM deliveries ORDER BY seq DESC LIMIT 50"
    )
    subscriptions = sandbox.store.all("subscription", account)
    return _page(
        request,
        "webhooks",
        subdomain=subdomain,
        subscriptions=subscriptions,
        made=made,
        deliveries=deliveries,
    )


@require_POST
def webhook(request: HttpRequest, subdomain: str, some_id: str) -> HttpResponse:
    """ping, enable or delete a subscription."""
    sandbox = sandbox_of(request)
    subscription = sandbox.store.get("subscription", some_id)
    if subscription is not None:
        act = request.POST.get("act")
        if act == "ping":
            sandbox.ping(subscription)
        elif act == "enable":
            sandbox.store.put("subscription", some_id, subscription | {"disabled_until": 0.0, "drops": 0})
        elif act == "delete":
            sandbox.store.delete("subscription", some_id)
    return HttpResponseRedirect(f"/app/{subdomain}/webhooks")
