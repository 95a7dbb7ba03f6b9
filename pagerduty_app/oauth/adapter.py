"""The way back from PagerDuty: allauth has done the dance, we keep the outcome as a connection's grant."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.connecting import client_links, results
from connections.connecting.complete import Ending, authorise
from connections.connecting.consent_errors import ConsentError
from connections.models import ClientLink, Connection
from connections.pages.connecting.client import client_of
from connections.web.actor_of_request import actor_of
from pagerduty_app.client import plain_text
from pagerduty_app.oauth import own_apps
from pagerduty_app.oauth.start import OPTIONAL
from pagerduty_app.oauth.tokens import asked_scopes

_PROVIDER = "pagerduty"
_LONGEST_CODE, _LONGEST_DESCRIPTION = 60, 300


class ConnectorAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Turns every callback into an answer of ours, so that allauth neither signs in nor saves anything."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        state = (sociallogin.state or {}).get("data") or {}
        raise ImmediateHttpResponse(_complete(request, state, *sociallogin.consent))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        state = (extra_context or {}).get("state")
        if state is None:
            raise ImmediateHttpResponse(results.page(request, "expired", _PROVIDER, None))
        data = state.get("data") or {}
        link = _link(data)
        connection = link.connection if link else _connection(request, data)
        raise ImmediateHttpResponse(
            _not_completed(request, data, connection, link, error=error, exception=exception)
        )


def _not_completed(
    request: HttpRequest,
    data: dict[str, Any],
    connection: Connection | None,
    link: ClientLink | None,
    *,
    error: Any,
    exception: Exception | None,
) -> HttpResponse:
    """The page for a consent that PagerDuty ended: with an error in the callback, or at the token endpoint."""
    optional, app = bool(data.get(OPTIONAL)), own_apps.of_state(data)
    refused = getattr(exception, "consent_error", None) if exception else _told(request)
    if error == AuthError.CANCELLED:
        kind = "denied"
    else:
        kind = "consent_refused" if refused and exception is None else "failed"
    facts: dict[str, Any] = {OPTIONAL: optional}
    if kind == "denied":
        facts["reason"] = refused.description if refused else ""
    elif refused is None:
        facts["reason"] = str(exception or "")
    else:
        facts |= {
            "consent_error": refused,
            "oauth_app": app,
            "scopes_asked": asked_scopes(own_app=app is not None, optional=optional),
        }
    return results.page(request, kind, _PROVIDER, connection, link, **facts)


def _told(request: HttpRequest) -> ConsentError | None:
    """The error that PagerDuty sent the person back with; plain text of bounded length."""
    code = plain_text.of(request.GET.get("error", ""), longest=_LONGEST_CODE)
    description = plain_text.of(request.GET.get("error_description", ""), longest=_LONGEST_DESCRIPTION)
    return ConsentError(code, description) if code else None


def _connection(request: HttpRequest, state: dict[str, Any]) -> Connection | None:
    """The connection this consent is for, if who comes back is who went out and still belongs to the agency."""
    if not request.user.is_authenticated or request.user.pk != state.get("user"):
        return None
    visible = Connection.objects.visible_to(actor_of(request)).select_related("workspace__account")
    return visible.filter(pk=str(state.get("connection"))).first()


def _link(state: dict[str, Any]) -> ClientLink | None:
    """The client link that this consent came by, if it is still the same; the state is bound to the browser."""
    digest = state.get("link")
    return client_links.of_digest(str(digest), "connection__workspace__account") if digest else None


def _complete(request: HttpRequest, state: dict[str, Any], identity: Any, tokens: Any) -> HttpResponse:
    link = _link(state)
    connection = link.connection if link else _connection(request, state)
    if state.get("link") and link is None:  # a new link was sent meanwhile
        return render(request, "connections/client_over.html", status=410)
    if connection is None:
        return results.page(request, "not_allowed", _PROVIDER, None)
    app, optional = own_apps.of_state(state), bool(state.get(OPTIONAL))
    ending = authorise(
        actor=client_of(request, link) if link else actor_of(request),
        connection=connection,
        identity=identity,
        tokens=tokens,
        scopes_asked=asked_scopes(own_app=app is not None, optional=optional),
        allow_account_change=bool(state.get("allow_account_change")),
        link=link,
        oauth_app=app,
    )
    if ending not in (Ending.CONNECTED, Ending.PARTIAL):
        facts = {"found": identity, OPTIONAL: optional}
        return results.page(request, ending, _PROVIDER, connection, link, **facts)
    if link is not None:
        return redirect("connections:client_done")
    if ending == Ending.CONNECTED:
        messages.success(request, f"{connection.label} is connected.")
    return redirect("connections:detail", connection.pk)
