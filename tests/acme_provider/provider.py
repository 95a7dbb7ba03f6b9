"""Acme Shop as an OAuth provider."""

from datetime import timedelta
from typing import Any

import requests

from connections.connecting.callback import ConsentProvider
from connections.grants.registry import (
    AppCredentials,
    AuthorizationCode,
    ExchangeFailed,
    Identity,
    Lifetimes,
    OAuthProvider,
    RefreshFailed,
    Tokens,
)
from core.db import clock

URL = "http://127.0.0.1:9"
APP = AppCredentials("taskjuice", "the-secret-of-taskjuice")
SCOPES = {"orders:read": "Read orders", "orders:write": "Change orders"}


class AcmeProvider(ConsentProvider):
    id = "acme"
    name = "Acme Shop"


provider_classes = [AcmeProvider]


def _ask(app: AppCredentials, **form: str) -> tuple[int, dict[str, Any]]:
    known = {"client_id": app.client_id, "client_secret": app.client_secret}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{URL}/token", data=form | known, timeout=5)
    return answer.status_code, answer.json()


def _tokens(answer: dict[str, Any]) -> Tokens:
    expires_at = clock.now() + timedelta(seconds=answer["expires_in"])
    return Tokens(answer["access_token"], answer["refresh_token"], answer["scope"].split(","), expires_at)


def exchange(code: AuthorizationCode, app: AppCredentials) -> tuple[Identity, Tokens]:
    """Acme has no ID tokens: its token response names the shop."""
    status, answer = _ask(app, code=code.code, verifier=code.verifier, redirect_uri=code.redirect_url)
    if status != 200:
        raise ExchangeFailed(f"Acme Shop answered {status}.", answer["error"])
    shop = answer["shop"]
    return Identity(shop["id"], shop["name"], shop["owner"], "eu"), _tokens(answer)


def refresh(refresh_token: str, app: AppCredentials) -> Tokens:
    status, answer = _ask(app, refresh_token=refresh_token)
    if status != 200:
        raise RefreshFailed(f"Acme Shop answered {status}.")
    return _tokens(answer)


PROVIDER = OAuthProvider(
    key=AcmeProvider.id,
    name=AcmeProvider.name,
    scopes=SCOPES,
    app=lambda: APP,
    authorize_url=lambda: f"{URL}/authorize",
    exchange=exchange,
    refresh=refresh,
    revoke=lambda refresh_token, app: True,
    missing_scopes=lambda granted: [scope for scope in SCOPES if scope not in granted],
    lifetimes=lambda granted: Lifetimes(timedelta(days=30), timedelta(days=90)),
    probe=lambda region, access_token: "Acme Shop answers.",
    removal_hint="Settings, Apps.",
    account_called="shop",
    account_example="“acme-shop”.",
    account_of=lambda typed: typed.strip().lower(),
    requests_per_minute=60,
    asks=lambda *, own_app, optional: SCOPES,
)
