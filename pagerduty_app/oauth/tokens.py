"""The scopes of an authorization and the token response (PagerDuty developer docs, OAuth functionality)."""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings

from connections.grants.registry import AppCredentials, Tokens
from core.db import clock

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
SCOPES = {
    "incidents.read": "View incidents and notes",
    "incidents.write": "Create and update incidents, add notes",
    "services.read": "View services",
    "users.read": "View users",
    "schedules.read": "View on-call schedules",
    "teams.read": "View teams",
}
OPTIONAL_SCOPES = {
    "webhook_subscriptions.read": "View webhooks",
    "webhook_subscriptions.write": "Create, update and delete webhooks",
}
_WORDS = {
    "openid": "Identify your PagerDuty user and account",
    "write": "View and change all that you can in PagerDuty (classic apps cannot request less)",
    **SCOPES,
    **OPTIONAL_SCOPES,
}
_DEFAULT_LIFE = timedelta(days=1)
_LONGEST_LIFE = timedelta(days=366).total_seconds()


def asked_scopes(*, own_app: bool = False, optional: bool = False) -> list[str]:
    """What a consent asks for, in the order it is shown. own_app: a client's own, which is always a scoped one.

    optional: with the optional ones, which classic `write` includes anyway.
    """
    if settings.PAGERDUTY_OAUTH_MODE == "classic" and not own_app:
        return ["openid", "write"]
    return ["openid", *SCOPES, *(OPTIONAL_SCOPES if optional else ())]


def asks(*, own_app: bool, optional: bool) -> dict[str, str]:
    """The same with what each allows, as the connect pages show it."""
    return {scope: _WORDS[scope] for scope in asked_scopes(own_app=own_app, optional=optional)}


def app_form(app: AppCredentials | None) -> dict[str, str]:
    """How the app names itself at the token endpoint; None for this server's own."""
    return {
        "client_id": app.client_id if app else settings.PAGERDUTY_CLIENT_ID,
        "client_secret": app.client_secret if app else settings.PAGERDUTY_CLIENT_SECRET,
    }


def tokens_of(answer: dict[str, Any], *, refresh_token: str = "") -> Tokens:
    """The token endpoint's answer. refresh_token: kept when the answer brings no new one.

    Raises ValueError when it is not a token answer.
    """
    access, renewed = answer.get("access_token"), answer.get("refresh_token") or refresh_token
    scope, life = answer.get("scope") or "", answer.get("expires_in")
    plain = (
        isinstance(text, str) and text.isascii() and text.isprintable() for text in (access, renewed, scope)
    )
    if not access or not all(plain):
        raise ValueError("not a token answer")
    seconds = (
        min(float(str(life)), _LONGEST_LIFE) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", str(life)) else None
    )
    return Tokens(
        access_token=str(access),
        refresh_token=str(renewed),
        scopes=scope.split(),
        expires_at=clock.now() + (timedelta(seconds=seconds) if seconds else _DEFAULT_LIFE),
    )
