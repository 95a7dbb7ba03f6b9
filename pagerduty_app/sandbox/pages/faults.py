"""The page of the fault switch: active faults, common faults in one click, and the request that sets any."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from pagerduty_app.sandbox.control.faults import KINDS
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.pages.incidents import page
from pagerduty_app.sandbox.refusals import invalid, missing_scope

Json = dict[str, Any]
_PATH = "/app/faults"
_READING = ["openid", "incidents.read", "services.read", "users.read", "schedules.read", "teams.read"]


class Common(NamedTuple):
    """A fault of the page. rule: the body for /_sandbox/faults, without the requests that it affects."""

    name: str
    words: str
    rule: Json


COMMON = {
    "rate-limit": Common(
        "Rate limited",
        "429 with Retry-After: 2 (seconds).",
        {"kind": "rate_limit", "retry_after": "2"},
    ),
    "refuse-token": Common(
        "Access token rejected",
        "401 for valid access tokens. Refreshing them still works.",
        {"kind": "refuse_token"},
    ),
    "missing-scope": Common(
        "Missing scope",
        "403 “Token missing required scopes”, missing incidents.write.",
        {"kind": "status", "status": 403, "body": missing_scope("incidents.write", _READING).body()},
    ),
    "lose-answer": Common(
        "Lost response", "The request is processed, then the connection drops.", {"kind": "lose_answer"}
    ),
    "drop-before": Common(
        "Dropped connection", "It drops before the request is processed.", {"kind": "drop_before"}
    ),
    "slow": Common("Slow", "Each response is delayed by 5 seconds.", {"kind": "delay", "seconds": 5.0}),
    "server-error": Common(
        "Server error", "500, and the request isn’t processed.", {"kind": "status", "status": 500}
    ),
    "bad-gateway": Common(
        "Bad gateway", "The request is processed, then 502.", {"kind": "status_after", "status": 502}
    ),
}
# Requests that a fault can affect: name, method, path.
REQUESTS = {
    "api": ("All REST API requests", "", "^/(?!oauth/)"),
    "reads": ("Read requests (GET)", "GET", "^/(?!oauth/)"),
    "creates": ("Create incident", "POST", "/incidents$"),
    "updates": ("Update incident", "PUT", "/incidents/"),
    "notes": ("Add note", "POST", "/notes$"),
    "sign-in": ("Request and refresh tokens", "POST", "^/oauth/token$"),
}
TIMES = {"": "Until cleared", "1": "Once", "3": "Three times"}
CONSENT = {
    "access_denied": "The user declined",
    "invalid_scope": "The app requests a scope that is not allowed",
    "unauthorized_client": "The app is not installed in this account",
    "server_error": "PagerDuty has an internal error",
}


@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """Show the page (GET); set a common fault, let consents fail, or clear all (POST)."""
    faults = sandbox_of(request).faults
    if request.method == "POST":
        _set(request)
        return HttpResponseRedirect(_PATH)
    return page(
        request,
        "faults",
        rules=faults.rules,
        consent=faults.consent,
        granted=faults.scopes,
        common=COMMON,
        requests=REQUESTS,
        times=TIMES,
        consents=CONSENT,
        # Texts split into parts; every second part is the name of a field.
        kinds={kind: words.split("`") for kind, words in KINDS.items()},
        base_url=sandbox_of(request).base_url,
    )


def _set(request: HttpRequest) -> None:
    faults, form = sandbox_of(request).faults, request.POST
    consent = form.get("consent", "")
    if "clear" in form:
        faults.clear()
    elif consent in CONSENT:
        faults.consent = {"error": consent, "error_description": CONSENT[consent]}
    elif consent == "reading":
        faults.scopes = _READING
    elif form.get("common") in COMMON and form.get("requests", "api") in REQUESTS:
        _, method, path = REQUESTS[form.get("requests", "api")]
        times = form.get("times", "")
        rule = {"method": method, "path": path, "times": int(times) if times in TIMES and times else None}
        faults.add([COMMON[form["common"]].rule | rule])
    else:
        raise invalid("This is not a fault of the page; POST /_sandbox/faults sets any.")
