"""PagerDuty as an OAuth provider: for allauth, which finds this module by its name, and for the platform."""

import re

from django.conf import settings

from connections.connecting.callback import ConsentProvider
from connections.grants import registry
from connections.grants.registry import AppCredentials, TokenRefused
from pagerduty_app.client import PagerDutyError, subdomains
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.oauth import scopes, tokens
from pagerduty_app.oauth.regions import open_api
from workflows.calls import problems


class PagerDutyProvider(ConsentProvider):
    """PKCE is always on: scoped apps require it, classic ones recommend it."""

    id = "pagerduty"
    name = "PagerDuty"


_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
provider_classes = [PagerDutyProvider]


def probe(region: str, access_token: str) -> str:
    """Ask for the smallest thing a token can show. Raises TokenRefused, or Problem when PagerDuty is away."""
    try:
        open_api(region, access_token, lambda: None).page("users", {"limit": 1})
    except PagerDutyError as error:
        if error.status == 401:
            raise TokenRefused(error.message) from None
        if error.status != 403:
            raise problems.of_provider_error(as_provider_error(error)) from None
    return "Connection works."


def holds_grant(region: str, access_token: str, user_id: str, delegation_id: str) -> bool:
    """Return whether PagerDuty still holds that delegation of the user. Raise TokenRefused or Problem."""
    try:
        delegation = open_api(region, access_token, lambda: None).delegation(user_id, delegation_id)
    except PagerDutyError as error:
        if error.status == 401:
            raise TokenRefused(error.message) from None
        if error.status == 404:
            return False
        raise problems.of_provider_error(as_provider_error(error)) from None
    return str(delegation["status"]) != "revoked"


def grant_page(account_name: str, user_id: str) -> str:
    """Return the user's page in PagerDuty, which leads to the apps that they have authorized; the sandbox's as well."""
    if not _NAME.fullmatch(account_name) or not _NAME.fullmatch(user_id):
        return ""
    identity = settings.PAGERDUTY_IDENTITY_URL
    if settings.DEVELOPMENT and not identity.endswith(".pagerduty.com"):
        return f"{identity}/app/users/{user_id}"
    return f"https://{account_name.lower()}.pagerduty.com/users/{user_id}"


def install_url() -> str:
    """The URL where a client's admin installs the public scoped app (developer docs, EA public scoped apps)."""
    classic, app_id = settings.PAGERDUTY_OAUTH_MODE == "classic", settings.PAGERDUTY_APP_ID
    return "" if classic or not app_id else f"https://app.pagerduty.com/oauth_apps/{app_id}"


def register() -> None:
    registry.register(
        registry.OAuthProvider(
            key=PagerDutyProvider.id,
            name=PagerDutyProvider.name,
            scopes=scopes.SCOPES,
            app=lambda: AppCredentials(settings.PAGERDUTY_CLIENT_ID, settings.PAGERDUTY_CLIENT_SECRET),
            authorize_url=lambda: f"{settings.PAGERDUTY_IDENTITY_URL}/oauth/authorize",
            exchange=tokens.exchange,
            refresh=tokens.refresh,
            revoke=tokens.revoke,
            missing_scopes=scopes.missing_scopes,
            lifetimes=scopes.lifetimes,
            probe=probe,
            removal_hint=(
                "In PagerDuty: Integrations → App Registrations, or your user profile’s connected applications."
            ),
            account_called="subdomain",
            account_example="“acme” for acme.pagerduty.com.",
            account_of=subdomains.subdomain_of,
            own_app_hint=(
                "In the client’s PagerDuty: Integrations → App Registration → New App, with Scoped OAuth as "
                "its sign-in method."
            ),
            install_url=install_url,
            holds_grant=holds_grant,
            holds_grant_scope=scopes.DELEGATIONS,
            grant_page=grant_page,
            asks=scopes.asks,
            requests_per_minute=960,  # developer docs, rate limits
            optional=scopes.OPTIONAL,
        )
    )
