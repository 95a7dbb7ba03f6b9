"""PagerDuty's OAuth routes, as allauth wants them. PagerDuty is connected, never signed in with."""

from typing import Any, NoReturn

from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView
from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from connections.connecting.consent_errors import ConsentError
from pagerduty_app.oauth import identity, own_apps
from pagerduty_app.oauth.identity_host import IdentityHostError, ask, refusal_of, refused
from pagerduty_app.oauth.tokens import TOKEN_PATH, tokens_of


class SignInRefused(OAuth2Error):  # type: ignore[misc]
    """The token endpoint refused. consent_error: its code and words, None where it gave no code."""

    def __init__(self, message: str, consent_error: ConsentError | None) -> None:
        super().__init__(message)
        self.consent_error = consent_error


class PagerDutyClient(OAuth2Client):  # type: ignore[misc]
    """The stock client shuffles the scopes and puts the token answer into its exceptions; this one does not."""

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

    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: Any = None
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback_url,
            "client_id": self.consumer_key,
            "client_secret": self.consumer_secret,
            "code_verifier": pkce_code_verifier or "",
        }
        try:
            status, answer = ask("POST", TOKEN_PATH, form)
        except IdentityHostError as error:
            raise OAuth2Error(str(error)) from None
        if status != 200:
            refusal = refusal_of(answer, form)
            told = ConsentError(refusal.code, refusal.message) if refusal.code else None
            raise SignInRefused(refused(status, answer, form), told)
        return answer


class PagerDutyOAuth2Adapter(OAuth2Adapter):  # type: ignore[misc]
    """Where PagerDuty's endpoints are, and what is read out of a consent."""

    provider_id = "pagerduty"
    client_class = PagerDutyClient
    _app: Any = None  # looked up once: the state that names it is taken out of the session on the way

    @property
    def authorize_url(self) -> str:
        return f"{settings.PAGERDUTY_IDENTITY_URL}/oauth/authorize"

    @property
    def access_token_url(self) -> str:
        return settings.PAGERDUTY_IDENTITY_URL + TOKEN_PATH

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return settings.PUBLIC_BASE_URL + reverse("pagerduty_callback")

    def get_provider(self) -> Any:
        """The provider with the app that this consent went out through."""
        provider = super().get_provider()
        if self._app is None:
            self._app = own_apps.of_callback(self.request) or provider.app
        provider.app = self._app
        return provider

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return an empty token: allauth must not hold a real one. complete_login reads the response in any shape."""
        return SocialToken()

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """A login that is never saved, carrying `consent`: (identity, tokens). Raises OAuth2Error."""
        answer = kwargs["response"]
        try:
            who = identity.verify(answer.get("id_token"), client_id=app.client_id)
            tokens = tokens_of(answer)
        except (identity.IdentityRefused, IdentityHostError) as error:
            raise OAuth2Error(str(error)) from None
        except ValueError:
            raise OAuth2Error("PagerDuty returned an unexpected token response.") from None
        login = self.get_provider().sociallogin_from_response(request, {"user_id": who.user_id})
        login.consent = (who, tokens)
        return login


def oauth2_login(request: HttpRequest) -> NoReturn:
    """There is no signing in with PagerDuty; connecting begins on our own page, with a POST."""
    raise Http404


oauth2_callback = OAuth2CallbackView.adapter_view(PagerDutyOAuth2Adapter)
