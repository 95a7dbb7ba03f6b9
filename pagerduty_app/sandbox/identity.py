"""PagerDuty's identity server: consent page, token endpoint, OpenID discovery."""

import secrets
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pagerduty_app.sandbox.gate import after, before, sandbox_of
from pagerduty_app.sandbox.sandbox import SCOPES, Sandbox
from pagerduty_app.sandbox.tokens import InvalidGrant
from pagerduty_app.sandbox.world import apps

# The scopes of classic apps, which need no installation.
_CLASSIC = frozenset({"read", "write"})
_ISSUER = "/global/oauth/anonymous"
# Cookie of the browser's session with PagerDuty: the user who consented last.
SIGNED_IN = "sandbox_user"
_KEPT = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Show the consent page (GET); handle the decision (POST)."""
    sandbox = sandbox_of(request)
    asked = {name: (request.POST or request.GET).get(name, "") for name in _KEPT}
    redirect = urlsplit(asked["redirect_uri"])
    if asked["client_id"] not in sandbox.clients or redirect.scheme not in ("http", "https"):
        return HttpResponse("Unknown client or redirect_uri.", status=400, content_type="text/plain")
    if error := sandbox.faults.consent or _wrong_with(asked):
        return _back(asked, **error)
    if request.method == "GET":
        return HttpResponse(_consent_page(sandbox, asked, request.COOKIES.get(SIGNED_IN, "")))
    if request.POST.get("decision") != "allow":
        return _back(asked, error="access_denied")
    return _allow(sandbox, asked, request.POST.get("user", ""))


def _wrong_with(asked: dict[str, str]) -> dict[str, str]:
    """Return the OAuth error of an invalid request; {} for a valid one."""
    if asked["response_type"] != "code":
        return {"error": "unsupported_response_type"}
    classic = bool(_CLASSIC & set(asked["scope"].split()))
    if not classic and (asked["code_challenge_method"] != "S256" or not asked["code_challenge"]):
        return {"error": "invalid_request", "error_description": "PKCE with S256 is required."}
    return {}


def _consent_page(sandbox: Sandbox, asked: dict[str, str], signed_in: str) -> str:
    """Show the signed-in user first, else a user of an account that has not authorized the app."""
    let_in = sandbox.tokens.accounts_of(asked["client_id"])
    accounts = [
        (account["subdomain"], account["id"] in let_in, sandbox.store.all("user", account["id"]))
        for account in sandbox.store.all("account")
    ]
    if sandbox.home_of(signed_in) is None:
        fresh = next((users for _, connected, users in accounts if not connected), accounts[0][2])
        signed_in = fresh[0]["id"]
    scopes = [(scope, SCOPES.get(scope, "Unknown, will not be granted")) for scope in asked["scope"].split()]
    context = {
        "asked": asked.items(),
        "client": asked["client_id"],
        "accounts": accounts,
        "offered": signed_in,
        "scopes": scopes,
    }
    return render_to_string("sandbox/consent.html", context)


def _allow(sandbox: Sandbox, asked: dict[str, str], user_id: str) -> HttpResponse:
    account = sandbox.home_of(user_id)
    if account is None:
        return HttpResponse("Unknown user.", status=400, content_type="text/plain")
    allowed = SCOPES if sandbox.faults.scopes is None else sandbox.faults.scopes
    if not apps.is_installed(sandbox.store, account["id"]) and not _CLASSIC & set(asked["scope"].split()):
        allowed = ["openid"]
    # A scope that is not allowed is no error; the response has fewer scopes (developer docs, OAuth).
    granted = [scope for scope in asked["scope"].split() if scope in allowed] or ["openid"]
    code = sandbox.tokens.new_code(
        {
            "client": asked["client_id"],
            "redirect_uri": asked["redirect_uri"],
            "challenge": asked["code_challenge"],
            "scopes": granted,
            "user": user_id,
            "account": account["id"],
        }
    )
    answer = _back(asked, code=code)
    answer.set_cookie(SIGNED_IN, user_id, httponly=True, samesite="Lax")
    return answer


def _back(asked: dict[str, str], **answer: str) -> HttpResponse:
    joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    state = {"state": asked["state"]} if asked["state"] else {}
    return HttpResponseRedirect(f"{asked['redirect_uri']}{joint}{urlencode(answer | state)}")


@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Exchange an authorization_code or refresh_token, form-encoded (RFC 6749)."""
    sandbox = sandbox_of(request)
    rule = sandbox.faults.strike("POST", request.path)
    return after(rule, request, before(rule) or _token(sandbox, request))


def _token(sandbox: Sandbox, request: HttpRequest) -> HttpResponse:
    form = request.POST
    client = form.get("client_id", "")
    secret = sandbox.clients.get(client)
    if secret is None or not secrets.compare_digest(form.get("client_secret", "").encode(), secret.encode()):
        return JsonResponse({"error": "invalid_client"}, status=401)
    try:
        if form.get("grant_type") == "authorization_code":
            answer = sandbox.tokens.use_code(
                form.get("code", ""),
                client=client,
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
        elif form.get("grant_type") == "refresh_token":
            answer = sandbox.tokens.refresh(form.get("refresh_token", ""), client=client)
        else:
            return JsonResponse({"error": "unsupported_grant_type"}, status=400)
    except InvalidGrant as error:
        return JsonResponse({"error": "invalid_grant", "error_description": str(error)}, status=400)
    return JsonResponse(answer)


@require_GET
def jwks(request: HttpRequest) -> HttpResponse:
    return JsonResponse(sandbox_of(request).tokens.jwks())


@require_GET
def discovery(request: HttpRequest) -> HttpResponse:
    base = sandbox_of(request).base_url
    return JsonResponse(
        {
            "issuer": base + _ISSUER,
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "jwks_uri": f"{base}{_ISSUER}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(SCOPES),
        }
    )
