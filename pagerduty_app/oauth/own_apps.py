"""Clients' own scoped apps as allauth sees them (PagerDuty developer docs, private apps).

A scoped app works only in the account that owns it, so a client without the public one makes an app itself and
gives us its client id and secret. allauth keeps none of this: the app is made anew for each way out and back.
"""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from django.http import HttpRequest

from connections.connecting import results
from connections.grants import oauth_apps
from connections.models import OAuthApp
from core.db import tenant_scope
from core.errors import Problem

IN_STATE = "oauth_app"
OWN = "own"


def as_allauth(app: OAuthApp) -> SocialApp:
    """Never saved. Raises Problem (grant_unreadable)."""
    known = oauth_apps.credentials(app)
    assert known is not None  # noqa: S101 - it has an app
    return SocialApp(
        provider="pagerduty", client_id=known.client_id, secret=known.client_secret, settings={OWN: True}
    )


def of_state(state: dict[str, Any]) -> OAuthApp | None:
    """Return the app named in the state; the state is kept in the session, so it cannot be forged."""
    named = state.get(IN_STATE)
    with tenant_scope.opened():
        return OAuthApp.objects.filter(pk=named).first() if named else None


def of_callback(request: HttpRequest) -> SocialApp | None:
    """The client's own app that this callback belongs to; None where it belongs to this server's.

    Raises ImmediateHttpResponse with the page that says so when its secret cannot be read.
    """
    stashed = statekit.get_states(request).get(request.GET.get("state", ""))
    app = of_state((stashed[0] or {}).get("data") or {}) if stashed else None
    try:
        return as_allauth(app) if app else None
    except Problem as problem:
        page = results.page(request, "failed", "pagerduty", None, reason=problem.message)
        raise ImmediateHttpResponse(page) from None
