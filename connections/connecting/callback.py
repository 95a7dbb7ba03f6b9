"""The way back from a provider's consent page: allauth checks the state, then the code is exchanged for tokens.

Providers are connected, never signed in with. A provider's app subclasses ConsentProvider in its `provider.py`, where
allauth finds it by name, and puts `consent_urls(key)` into its `urls.py`.
"""

import uuid
from functools import partial
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView
from django.http import Http404, HttpRequest
from django.urls import URLPattern, URLResolver, include, path
from django.utils.http import urlencode

from connections.connecting import results
from connections.connecting.start import Purpose, social_app
from connections.grants import oauth_apps, registry
from connections.grants.registry import AppCredentials, AuthorizationCode, ExchangeFailed
from core.db import lending
from core.errors import Problem
from core.request_slots import busy, thread_slot

# Consents of all workspaces count as one: which workspace it is for is read only after the exchange.
_CONSENTS = uuid.UUID(int=0)


class NotExchanged(OAuth2Error):  # type: ignore[misc]
    """An ExchangeFailed in the form that allauth reports to the adapter."""

    def __init__(self, failed: ExchangeFailed) -> None:
        super().__init__(str(failed))
        self.failed = failed


class ConsentClient(OAuth2Client):  # type: ignore[misc]
    """Makes the address of the consent page. The stock client shuffles the scopes."""

    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, str]) -> str:
        params = {
            "client_id": self.consumer_key,
            "redirect_uri": self.callback_url,
            "response_type": "code",
            "scope": " ".join(scope),
            "state": self.state,
            **extra_params,
        }
        return f"{authorization_url}?{urlencode(params)}"


class ConsentAdapter(OAuth2Adapter):  # type: ignore[misc]
    """One request of one provider's consent, out or back."""

    client_class = ConsentClient
    access_token_url = ""  # codes are exchanged by the provider's own `exchange`

    def __init__(self, request: HttpRequest, provider_id: str) -> None:
        super().__init__(request)
        self.provider_id = provider_id
        self._provider = registry.get(provider_id)
        # Looked up once: the state that names it is taken out of the session on the way.
        self._app: SocialApp | None = None

    @property
    def authorize_url(self) -> str:
        return self._provider.authorize_url()

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return self._provider.redirect_url()

    def get_provider(self) -> Any:
        """Return allauth's provider with the app that this consent went out through."""
        provider = super().get_provider()
        if self._app is None:
            self._app = self._own_app() or provider.app
        provider.app = self._app
        return provider

    def _own_app(self) -> SocialApp | None:
        """Return the client's own app that the state names, None where it names none.

        Raises ImmediateHttpResponse with the page that says so when its secret cannot be read.
        """
        stashed = statekit.get_states(self.request).get(self.request.GET.get("state", ""))
        purpose = Purpose.read(stashed[0]) if stashed else None
        own = oauth_apps.by_id(self.provider_id, purpose.oauth_app) if purpose else None
        try:
            return social_app(self._provider, own) if own else None
        except Problem as problem:
            page = results.page(self.request, "failed", self.provider_id, None, reason=problem.message)
            raise ImmediateHttpResponse(page) from None

    def get_access_token_data(
        self,
        request: HttpRequest,
        app: SocialApp,
        client: OAuth2Client,
        pkce_code_verifier: str | None = None,
    ) -> dict[str, Any]:
        """Return {"consent": (Identity, Tokens)}. Raises NotExchanged."""
        code = AuthorizationCode(request.GET["code"], pkce_code_verifier or "", client.callback_url)
        lending.give_back()
        with thread_slot(_CONSENTS, of="consent") as may_wait:
            if not may_wait:
                raise NotExchanged(ExchangeFailed(busy().message))
            try:
                return {"consent": self._provider.exchange(code, AppCredentials(app.client_id, app.secret))}
            except ExchangeFailed as failed:
                raise NotExchanged(failed) from None

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return an empty token: allauth must not hold a real one."""
        return SocialToken()

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """Return a login that is never saved, carrying `consent`: (Identity, Tokens)."""
        consent = kwargs["response"]["consent"]
        login = self.get_provider().sociallogin_from_response(request, {"user_id": consent[0].user_id})
        login.consent = consent
        return login


class ConsentProvider(OAuth2Provider):  # type: ignore[misc]
    """A registered OAuthProvider as allauth knows it; a subclass sets `id`, the provider's key, and `name`."""

    account_class = ProviderAccount
    pkce_enabled_default = True

    def get_oauth2_adapter(self, request: HttpRequest) -> ConsentAdapter:
        return ConsentAdapter(request, self.id)

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["user_id"])


def consent_urls(key: str) -> list[URLPattern | URLResolver]:
    """Return the two routes that allauth expects of a provider and mounts under /accounts/."""
    back = OAuth2CallbackView.adapter_view(partial(ConsentAdapter, provider_id=key))
    routes = [
        path("login/", _no_login, name=f"{key}_login"),
        path("login/callback/", back, name=f"{key}_callback"),
    ]
    return [path(f"{key}/", include(routes))]


def _no_login(request: HttpRequest) -> NoReturn:
    """Refuse to sign in with a provider; connecting begins on our own page, with a POST."""
    raise Http404
