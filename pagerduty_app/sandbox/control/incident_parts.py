"""The control API under /_sandbox/incidents/{id}/: alerts of a monitoring tool. No sign-in."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from pagerduty_app.sandbox.control.views import account_of, body_of
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.world import alerts as world


@require_POST
def alerts(request: HttpRequest, incident_id: str) -> HttpResponse:
    """{"account"?, "count"?, "summary"?, "severity"?, "alert_key"?, "status"?, "details"?} → {"alerts": ids}."""
    sandbox, body = sandbox_of(request), body_of(request)
    incident = sandbox.incidents.get(account_of(sandbox, body.pop("account", "acme")), incident_id)
    count = int(body.pop("count", 1))
    made = [world.add(sandbox.store, sandbox.base_url, incident, **body)["id"] for _ in range(count)]
    return JsonResponse({"alerts": made})
