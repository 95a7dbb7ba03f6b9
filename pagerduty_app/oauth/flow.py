"""PagerDuty's side of a grant: refresh, revocation, scopes in words, and a probe that a token works.

Source: PagerDuty developer docs, OAuth functionality and public scoped apps.
"""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from connections.grants import registry
from connections.grants.registry import (
    AppCredentials,
    AppRefused,
    Lifetimes,
    RefreshFailed,
    RefreshRefused,
    TokenRefused,
    Tokens,
)
from pagerduty_app.client import PagerDutyError, subdomains
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.oauth.identity_host import IdentityHostError, ask, refusal_of, refused
from pagerduty_app.oauth.regions import open_api
from pagerduty_app.oauth.scopes import covers
from pagerduty_app.oauth.start import start
from pagerduty_app.oauth.tokens import OPTIONAL_SCOPES, SCOPES, TOKEN_PATH, app_form, asks, tokens_of
from workflows.calls.outcomes import as_problem

_SCOPED = Lifetimes(unused=timedelta(days=30), consent=timedelta(days=365))
_CLASSIC = Lifetimes(unused=timedelta(days=210), consent=timedelta(days=3 * 365))


def lifetimes(granted: list[str]) -> Lifetimes:
    """Classic grants (`read`, `write`) last longer than scoped ones (developer docs, OAuth functionality)."""
    return _CLASSIC if {"read", "write"}.intersection(granted) else _SCOPED


def missing_scopes(granted: list[str]) -> list[str]:
    """Which of the six the granted ones do not cover; classic `write` covers all, `read` the reading ones."""
    return [scope for scope in SCOPES if not covers(scope, granted)]


def refresh(refresh_token: str, app: AppCredentials | None) -> Tokens:
    """Raises RefreshRefused for `invalid_grant`, RefreshFailed for everything that may pass or be put right."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        **app_form(app),
    }
    try:
        status, answer = ask("POST", TOKEN_PATH, form)
        if status == 200:
            return tokens_of(answer, refresh_token=refresh_token)
    except IdentityHostError as error:
        raise RefreshFailed(str(error), error.retry_after) from None
    except ValueError:
        raise RefreshFailed("PagerDuty returned an unexpected token response.") from None
    said = refused(status, answer, form)
    codes = {refusal_of(answer, form).code, str(answer.get("error"))}
    if "invalid_grant" in codes:
        raise RefreshRefused("PagerDuty revoked or expired this authorization.")
    if codes & {"invalid_client", "unauthorized_client"}:
        raise AppRefused(f"PagerDuty rejects the app that this authorization came through. {said}")
    raise RefreshFailed(said)


def revoke(refresh_token: str, app: AppCredentials | None) -> bool:
    """RFC 7009 where PagerDuty's discovery document offers it; it documents no such call today."""
    _, discovery = ask("GET", "/global/oauth/anonymous/.well-known/openid-configuration")
    endpoint = discovery.get("revocation_endpoint")
    host = settings.PAGERDUTY_IDENTITY_URL
    if not isinstance(endpoint, str) or not endpoint.startswith(f"{host}/"):
        return False
    form = {
        "token": refresh_token,
        "token_type_hint": "refresh_token",
        **app_form(app),
    }
    status, _ = ask("POST", endpoint.removeprefix(host), form)
    return status == 200


def probe(region: str, access_token: str) -> str:
    """Ask for the smallest thing a token can show. Raises TokenRefused, or Problem when PagerDuty is away."""
    try:
        open_api(region, access_token, lambda: None).page("users", {"limit": 1})
    except PagerDutyError as error:
        if error.status == 401:
            raise TokenRefused(error.message) from None
        if error.status != 403:
            raise as_problem(as_provider_error(error)) from None
    return "Connection works."


def install_url() -> str:
    """Where a client's admin installs the public scoped app (developer docs, EA public scoped apps)."""
    classic, app_id = settings.PAGERDUTY_OAUTH_MODE == "classic", settings.PAGERDUTY_APP_ID
    return "" if classic or not app_id else f"https://app.pagerduty.com/oauth_apps/{app_id}"


def register() -> None:
    registry.register(
        registry.OAuthProvider(
            key="pagerduty",
            name="PagerDuty",
            scopes=SCOPES,
            refresh=refresh,
            revoke=revoke,
            missing_scopes=missing_scopes,
            lifetimes=lifetimes,
            probe=probe,
            start=start,
            removal_hint=(
                "In PagerDuty: Integrations → App Registrations, or your user profile’s connected applications."
            ),
            account_called="subdomain",
            account_example="“acme” for acme.pagerduty.com.",
            account_of=subdomains.subdomain_of,
            redirect_url=lambda: settings.PUBLIC_BASE_URL + reverse("pagerduty_callback"),
            own_app_hint=(
                "In the client’s PagerDuty: Integrations → App Registration → New App, with Scoped OAuth as "
                "its sign-in method."
            ),
            install_url=install_url,
            asks=asks,
            requests_per_minute=960,  # developer docs, rate limits
            optional_scopes=OPTIONAL_SCOPES,
            optional_label="Set up webhooks automatically (recommended)",
            optional_help=(
                "Requires two more permissions: view and manage webhooks. Without them, each trigger shows how "
                "to add its webhook in PagerDuty."
            ),
        )
    )
