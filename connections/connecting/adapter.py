"""The end of the way back: allauth has checked the consent, the outcome is kept as a connection's grant."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.connecting import client_links, results
from connections.connecting.callback import NotExchanged
from connections.connecting.complete import Ending, authorise
from connections.connecting.consent_errors import ConsentError
from connections.connecting.start import Purpose, social_app
from connections.grants import oauth_apps, registry
from connections.grants.registry import Identity, OAuthProvider, Tokens
from connections.models import ClientLink, Connection
from connections.web.actor_of_request import actor_of
from core.text import plain_text

_LONGEST_CODE, _LONGEST_DESCRIPTION = 60, 300


class ConnectorAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's one adapter (setting SOCIALACCOUNT_ADAPTER), for every registered provider.

    It turns each callback into a response of ours, so that allauth neither signs in nor saves anything.
    """

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return this server's app at each registered provider; none is in settings or in the database."""
        apps = [social_app(one) for one in registry.known() if provider in (None, one.key)]
        return [app for app in apps if client_id in (None, app.client_id)]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Complete a consent that `start` began; refuse every other login."""
        provider = registry.find(sociallogin.account.provider)
        purpose = Purpose.read(sociallogin.state)
        consent = getattr(sociallogin, "consent", None)
        if provider is None:
            response = _refused(request)
        elif purpose is None or consent is None:
            response = results.page(request, "not_allowed", provider.key, None)
        else:
            response = _complete(request, provider, purpose, *consent)
        raise ImmediateHttpResponse(response)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        known = registry.find(provider.id)
        if known is None:
            raise ImmediateHttpResponse(_refused(request))
        purpose = Purpose.read((extra_context or {}).get("state"))
        if purpose is None:
            raise ImmediateHttpResponse(results.page(request, "expired", known.key, None))
        raise ImmediateHttpResponse(_not_completed(request, known, purpose, error=error, exception=exception))


def _refused(request: HttpRequest) -> HttpResponse:
    """The page for a login through a provider that is not one of ours."""
    return render(request, "403.html", status=403)


def _not_completed(
    request: HttpRequest,
    provider: OAuthProvider,
    purpose: Purpose,
    *,
    error: Any,
    exception: Exception | None,
) -> HttpResponse:
    """The page for a consent that the provider ended: with an error in the callback, or at the token endpoint."""
    link = _link(provider, purpose)
    connection = link.connection if link else _connection(request, provider, purpose)
    refused = _at_the_token_endpoint(exception) if exception else _in_the_callback(request)
    if error == AuthError.CANCELLED:
        kind = "denied"
    else:
        kind = "consent_refused" if refused and exception is None else "failed"
    facts: dict[str, Any] = {"optional": purpose.optional}
    if kind == "denied":
        facts["reason"] = refused.description if refused else ""
    elif refused is None:
        facts["reason"] = str(exception or "")
    else:
        own = oauth_apps.by_id(provider.key, purpose.oauth_app)
        asked = provider.asked_scopes(own_app=own is not None, optional=purpose.optional)
        facts |= {"consent_error": refused, "oauth_app": own, "scopes_asked": asked}
    return results.page(request, kind, provider.key, connection, link, **facts)


def _at_the_token_endpoint(exception: Exception) -> ConsentError | None:
    """The code with which the exchange was refused, None where it failed without one."""
    failed = exception.failed if isinstance(exception, NotExchanged) else None
    return ConsentError(failed.code, failed.description) if failed and failed.code else None


def _in_the_callback(request: HttpRequest) -> ConsentError | None:
    """The error that the provider sent the person back with; plain text of bounded length."""
    code = plain_text.of(request.GET.get("error", ""), longest=_LONGEST_CODE)
    description = plain_text.of(request.GET.get("error_description", ""), longest=_LONGEST_DESCRIPTION)
    return ConsentError(code, description) if code else None


def _connection(request: HttpRequest, provider: OAuthProvider, purpose: Purpose) -> Connection | None:
    """The connection of this consent, if the person who returns is the one who left and still of the agency."""
    if not request.user.is_authenticated or request.user.pk != purpose.user:
        return None
    visible = Connection.objects.visible_to(actor_of(request)).select_related("workspace__account")
    return visible.filter(pk=purpose.connection, provider=provider.key).first()


def _link(provider: OAuthProvider, purpose: Purpose) -> ClientLink | None:
    """The client link that this consent came by, if it is still the same; the state is bound to the browser."""
    link = client_links.of_digest(purpose.link, "connection__workspace__account") if purpose.link else None
    return link if link and link.connection.provider == provider.key else None


def _complete(
    request: HttpRequest, provider: OAuthProvider, purpose: Purpose, identity: Identity, tokens: Tokens
) -> HttpResponse:
    link = _link(provider, purpose)
    if purpose.link and link is None:  # a new link was sent meanwhile
        return render(request, "connections/client_over.html", status=410)
    connection = link.connection if link else _connection(request, provider, purpose)
    if connection is None:
        return results.page(request, "not_allowed", provider.key, None)
    own = oauth_apps.by_id(provider.key, purpose.oauth_app)
    ending = authorise(
        actor=client_links.client_of(request, link) if link else actor_of(request),
        connection=connection,
        identity=identity,
        tokens=tokens,
        scopes_asked=provider.asked_scopes(own_app=own is not None, optional=purpose.optional),
        allow_account_change=purpose.allow_account_change,
        link=link,
        oauth_app=own,
    )
    if ending not in (Ending.CONNECTED, Ending.PARTIAL):
        facts: dict[str, Any] = {"found": identity, "optional": purpose.optional}
        return results.page(request, ending, provider.key, connection, link, **facts)
    if link is not None:
        return redirect("connections:client_done")
    if ending == Ending.CONNECTED:
        messages.success(request, f"{connection.label} is connected.")
    return redirect("connections:detail", connection.pk)
