"""The sandbox's pages for PagerDuty's users: list of incidents, one incident."""

import json
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods

from pagerduty_app.sandbox.control import views
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.identity import SIGNED_IN
from pagerduty_app.sandbox.refusals import Refused
from pagerduty_app.sandbox.world import incident_workflows

_STYLE = Path(__file__).parent.with_name("style.css")
_ACTS = {"acknowledge": "acknowledged", "resolve": "resolved", "reopen": "triggered"}


def page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Return the page, with the context of its header."""
    sandbox = sandbox_of(request)
    accounts = [row["subdomain"] for row in sandbox.store.all("account")]
    shared = {"accounts": accounts, "home": home_of(request), "faults_in_force": sandbox.faults.in_force()}
    return HttpResponse(render_to_string(f"sandbox/{template}.html", shared | context))


def home_of(request: HttpRequest) -> str:
    """Return the subdomain of the signed-in user, else of the first account."""
    sandbox = sandbox_of(request)
    account = sandbox.home_of(request.COOKIES.get(SIGNED_IN, "")) or sandbox.store.all("account")[0]
    return str(account["subdomain"])


@require_GET
def style(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_STYLE.read_bytes(), content_type="text/css")


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"/app/{home_of(request)}/incidents")


@require_http_methods(["GET", "POST"])
def incidents(request: HttpRequest, subdomain: str) -> HttpResponse:
    """List the account's newest incidents, optionally of one service or urgency; open one (POST)."""
    sandbox = sandbox_of(request)
    account = views.account_of(sandbox, subdomain)
    if request.method == "POST":
        wanted = {
            "type": "incident",
            "title": request.POST.get("title") or "An incident",
            "service": {"id": request.POST.get("service")},
            "urgency": request.POST.get("urgency", "high"),
        }
        made = sandbox.incidents.open(account, sandbox.person(account), wanted)
        return HttpResponseRedirect(f"/app/incidents/{made['id']}")
    service, urgency = request.GET.get("service", ""), request.GET.get("urgency", "")
    rows = sandbox.store.rows(
        "SELECT body FROM incidents WHERE account = ? AND ? IN ('', service) AND ? IN ('', urgency)"
        " ORDER BY seq DESC LIMIT 100",
        (account, service, urgency),
    )
    return page(
        request,
        "incidents",
        subdomain=subdomain,
        services=sandbox.store.all("service", account),
        service=service,
        urgency=urgency,
        incidents=[json.loads(body) for (body,) in rows],
    )


@require_http_methods(["GET", "POST"])
def incident(request: HttpRequest, incident_id: str) -> HttpResponse:
    """Show one incident with its notes and workflows; act on it (POST)."""
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
    return page(
        request,
        "incident",
        subdomain=subdomain,
        incident=sandbox.incidents.get(account, incident_id),
        notes=sandbox.incidents.notes(account, incident_id),
        workflows=sandbox.store.all(incident_workflows.KIND, incident_id),
        problem=problem,
    )
