"""The checks of every REST request: faults, token, region, scope, rate limit; and the form of the response."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from pagerduty_app.sandbox.control.faults import BESIDE_THE_WORK, Rule
from pagerduty_app.sandbox.refusals import Refused, invalid, missing_scope, unauthorized
from pagerduty_app.sandbox.sandbox import Sandbox

Json = dict[str, Any]
Answer = tuple[int, Json | list[Json] | None]
# Of a request that is remembered.
_LARGEST_KEPT = 4_096


@dataclass
class Call:
    """A REST request with its grant. body: its JSON object, {} without one."""

    sandbox: Sandbox
    request: HttpRequest
    account: str
    user: Json
    grant: Json
    body: Json

    def requester(self) -> Json:
        """Return the user named by From, required by create, update and note (developer docs, error 1008)."""
        email = self.request.headers.get("From", "").lower()
        users = self.sandbox.store.all("user", self.account)
        found = next((user for user in users if user["email"].lower() == email), None)
        if found is None:
            raise Refused(400, 1008, "Requester User Not Found")
        return found

    def object(self, name: str) -> Json:
        """Return the named object of the body."""
        value = self.body.get(name)
        if not isinstance(value, dict):
            raise invalid(f"{name} must be an object.")
        return value


def sandbox_of(request: HttpRequest) -> Sandbox:
    sandbox: Sandbox = request.META["sandbox"]
    return sandbox


def operation(**scopes: str) -> Callable[[Callable[..., Answer]], Callable[..., HttpResponse]]:
    """Return a decorator for the view of a REST path. scopes: method (lower case) → required scope, "" for none."""

    def decorate(handle: Callable[..., Answer]) -> Callable[..., HttpResponse]:
        @wraps(handle)
        def view(request: HttpRequest, region: str = "us", **path: str) -> HttpResponse:
            sandbox = sandbox_of(request)
            rule = sandbox.faults.strike(request.method or "", request.path)
            entry = {"at": time.time(), "method": request.method, "path": request.path, "client": None}
            entry["query"] = request.META.get("QUERY_STRING", "")
            sandbox.requests.append(entry)
            entry |= _as_sent(request)
            if rule is not None:
                _tamper(rule, sandbox, request, path)
            answer = before(rule) or _answered(sandbox, request, region, scopes, handle, path, entry)
            answer = after(rule, request, answer)
            entry["status"] = answer.status_code
            return answer

        return view

    return decorate


def _answered(
    sandbox: Sandbox,
    request: HttpRequest,
    region: str,
    scopes: dict[str, str],
    handle: Callable[..., Answer],
    path: dict[str, str],
    entry: Json,
) -> HttpResponse:
    headers: dict[str, str] = {}
    try:
        method = (request.method or "").lower()
        if method not in scopes:
            raise Refused(405, 2100, "Method Not Allowed")
        grant = _grant(sandbox, request, region)
        entry["client"] = grant["client"]
        within, headers = sandbox.rate_limit.take(f"{grant['user']}/{grant['client']}")
        if not within:
            raise Refused(429, 2020, "Rate Limit Exceeded")
        if not _covered(scopes[method], grant["scopes"]):
            raise missing_scope(scopes[method], grant["scopes"])
        user = sandbox.store.get("user", grant["user"]) or {}
        call = Call(sandbox, request, grant["account"], user, grant, _body(request))
        status, body = handle(call, **path)
    except Refused as refused:
        return JsonResponse(refused.body(), status=refused.status, headers=headers)
    if body is None:
        return HttpResponse(status=status, headers=headers)
    return JsonResponse(body, status=status, headers=headers, safe=False)


def _grant(sandbox: Sandbox, request: HttpRequest, region: str) -> Json:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = sandbox.tokens.grant_of(token) if kind.lower() == "bearer" else None
    account = sandbox.store.get("account", grant["account"]) if grant else None
    if grant is None or account is None or account["region"] != region:
        raise unauthorized()
    return grant


def _covered(scope: str, granted: list[str]) -> bool:
    return (
        not scope or scope in granted or "write" in granted or ("read" in granted and scope.endswith(".read"))
    )


def _body(request: HttpRequest) -> Json:
    if request.method in ("GET", "DELETE") or not request.body:
        return {}
    if "json" not in request.headers.get("Content-Type", ""):
        raise Refused(400, 2001, "Invalid Input Provided", "Content-Type must be application/json.")
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return body


def _as_sent(request: HttpRequest) -> Json:
    """Return parameters, headers without the token, and body of a request; {} of a large one."""
    if len(request.body) > _LARGEST_KEPT:
        return {}
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    headers = {
        name: request.headers[name] for name in ("Accept", "Content-Type", "From") if name in request.headers
    }
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    return {"pairs": pairs, "headers": headers, "body": body}


# --- faults ------------------------------------------------------------------------------------------
def _tamper(rule: Rule, sandbox: Sandbox, request: HttpRequest, path: dict[str, str]) -> None:
    """Apply what a fault does ahead of the work."""
    if rule.kind == "act_first":
        sandbox.act(path["incident_id"], rule.act)
    elif rule.kind == "ignore_offset":
        query = request.GET.copy()
        query.pop("offset", None)
        request.__dict__["GET"] = query


def before(rule: Rule | None) -> HttpResponse | None:
    """Return the response of a fault that replaces the work, or None."""
    if rule is None or rule.kind in BESIDE_THE_WORK:
        return None
    if rule.kind == "delay":
        time.sleep(rule.seconds_before)
        return None
    if rule.kind == "drop_before":
        return HttpResponse(status=599)
    if rule.kind == "status":
        return _as_told(rule)
    if rule.kind == "refuse_token":
        return JsonResponse(unauthorized().body(), status=401)
    headers = (
        {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "1"} if rule.headers else {}
    )
    if rule.retry_after is not None:
        headers["Retry-After"] = rule.retry_after
    return JsonResponse(Refused(429, 2020, "Rate Limit Exceeded").body(), status=429, headers=headers)


def _as_told(rule: Rule) -> HttpResponse:
    """Return the fault's status and body: text as an HTML page or as it is, else JSON."""
    if isinstance(rule.body, str):
        kind = "text/html" if rule.body.lstrip().startswith("<") else "text/plain"
        return HttpResponse(rule.body, status=rule.status, content_type=kind)
    body = Refused(rule.status, 2000, "Internal Error").body() if rule.body is None else rule.body
    return JsonResponse(body, status=rule.status, safe=False)


def after(rule: Rule | None, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Apply a fault after the work: delay or replace the response, or cut the connection."""
    if rule is not None and rule.kind == "status_after":
        return _as_told(rule)
    if rule is not None and rule.kind == "delay":
        time.sleep(rule.seconds - rule.seconds_before)
    if rule is not None and rule.kind in ("lose_answer", "drop_before"):
        connection: socket.socket = request.META["sandbox.connection"]
        connection.shutdown(socket.SHUT_RDWR)
    return answer
