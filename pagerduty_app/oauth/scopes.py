"""PagerDuty's scopes: which are requested, which of them include which, how long a grant of them lasts.

Source: PagerDuty developer docs, OAuth functionality and public scoped apps.
"""

from datetime import timedelta

from django.conf import settings

from connections.grants.registry import Lifetimes

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
_SCOPED = Lifetimes(unused=timedelta(days=30), consent=timedelta(days=365))
_CLASSIC = Lifetimes(unused=timedelta(days=210), consent=timedelta(days=3 * 365))


def asks(*, own_app: bool, optional: bool) -> dict[str, str]:
    """Return what a consent requests, in order: scope → what it allows.

    own_app: through a client's own app, which is always a scoped one. optional: with the optional scopes, which
    classic `write` includes anyway.
    """
    if settings.PAGERDUTY_OAUTH_MODE == "classic" and not own_app:
        asked = ["openid", "write"]
    else:
        asked = ["openid", *SCOPES, *(OPTIONAL_SCOPES if optional else ())]
    return {scope: _WORDS[scope] for scope in asked}


def covers(scope: str, granted: list[str]) -> bool:
    """Return whether the granted scopes include `scope`: one, or several with spaces between, as OAuth writes them.

    Classic OAuth's `write` implies all six, its `read` the reading ones.
    """
    return all(
        one in granted or "write" in granted or ("read" in granted and one.endswith(".read"))
        for one in scope.split()
    )


def missing_scopes(granted: list[str]) -> list[str]:
    """Return those of the six that the granted scopes do not cover."""
    return [scope for scope in SCOPES if not covers(scope, granted)]


def lifetimes(granted: list[str]) -> Lifetimes:
    """Return how long a grant lasts; classic grants (`read`, `write`) last longer than scoped ones."""
    return _CLASSIC if {"read", "write"}.intersection(granted) else _SCOPED
