"""The way out to PagerDuty's consent page; pagerduty_app.oauth.adapter is the way back."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from connections.connecting import results
from connections.grants import oauth_apps
from connections.models import ClientLink, Connection
from core.errors import Problem
from pagerduty_app.oauth import own_apps
from pagerduty_app.oauth.tokens import asked_scopes

OPTIONAL = "optional_scopes"  # in the state, and to the page of an ending


def start(
    request: HttpRequest,
    connection: Connection,
    *,
    allow_account_change: bool = False,
    link: ClientLink | None = None,
    optional_scopes: bool = False,
) -> HttpResponseBase:
    """Redirect to the consent page. Who may come back, and for what, is kept in the session with the state."""
    provider = get_adapter().get_provider(request, provider="pagerduty")
    app = oauth_apps.in_use(connection.workspace, "pagerduty")
    try:
        provider.app = own_apps.as_allauth(app) if app else provider.app
    except Problem as problem:
        facts: dict[str, Any] = {"reason": problem.message, OPTIONAL: optional_scopes}
        return results.page(request, "failed", "pagerduty", connection, link, **facts)
    state: dict[str, Any] = {
        "connection": str(connection.pk),
        "user": request.user.pk,
        "allow_account_change": allow_account_change,
        "link": link.digest if link else None,
        own_apps.IN_STATE: str(app.pk) if app else None,
        OPTIONAL: optional_scopes,
    }
    scope = asked_scopes(own_app=app is not None, optional=optional_scopes)
    answer: HttpResponseBase = provider.redirect(
        request, process=AuthProcess.REDIRECT, data=state, scope=scope
    )
    return answer
