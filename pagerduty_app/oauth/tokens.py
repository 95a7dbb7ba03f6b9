"""PagerDuty's token endpoint: exchange, refresh, revocation (PagerDuty developer docs, OAuth functionality)."""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings

from connections.grants.registry import (
    AppCredentials,
    AppRefused,
    AuthorizationCode,
    ExchangeFailed,
    Identity,
    RefreshFailed,
    RefreshRefused,
    Tokens,
)
from core.db import clock
from pagerduty_app.oauth import identity
from pagerduty_app.oauth.identity import IdentityHostError, IdentityRefused, ask, refusal_of, refused

_TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
_DEFAULT_LIFE = timedelta(days=1)
_LONGEST_LIFE = timedelta(days=366).total_seconds()
_UNEXPECTED = "PagerDuty returned an unexpected token response."


def exchange(code: AuthorizationCode, app: AppCredentials) -> tuple[Identity, Tokens]:
    """Exchange the code, and verify who consented. Raises ExchangeFailed."""
    form = {
        "grant_type": "authorization_code",
        "code": code.code,
        "redirect_uri": code.redirect_url,
        "code_verifier": code.verifier,
        **_named(app),
    }
    try:
        status, answer = ask("POST", _TOKEN_PATH, form)
        if status == 200:
            return identity.verify(answer.get("id_token"), client_id=app.client_id), _tokens_of(answer)
    except (IdentityRefused, IdentityHostError) as error:
        raise ExchangeFailed(str(error)) from None
    except ValueError:
        raise ExchangeFailed(_UNEXPECTED) from None
    refusal = refusal_of(answer, form)
    raise ExchangeFailed(refused(status, answer, form), refusal.code, refusal.message)


def refresh(refresh_token: str, app: AppCredentials) -> Tokens:
    """Refresh. Raises RefreshRefused for `invalid_grant`, RefreshFailed for all that may pass or be put right."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **_named(app)}
    try:
        status, answer = ask("POST", _TOKEN_PATH, form)
        if status == 200:
            return _tokens_of(answer, refresh_token=refresh_token)
    except IdentityHostError as error:
        raise RefreshFailed(str(error), error.retry_after) from None
    except ValueError:
        raise RefreshFailed(_UNEXPECTED) from None
    said = refused(status, answer, form)
    codes = {refusal_of(answer, form).code, str(answer.get("error"))}
    if "invalid_grant" in codes:
        raise RefreshRefused("PagerDuty revoked or expired this authorization.")
    if codes & {"invalid_client", "unauthorized_client"}:
        raise AppRefused(f"PagerDuty rejects the app that this authorization came through. {said}")
    raise RefreshFailed(said)


def revoke(refresh_token: str, app: AppCredentials) -> bool:
    """Revoke by RFC 7009 where PagerDuty's discovery document offers it; it documents no such call today."""
    _, discovery = ask("GET", "/global/oauth/anonymous/.well-known/openid-configuration")
    endpoint = discovery.get("revocation_endpoint")
    host = settings.PAGERDUTY_IDENTITY_URL
    if not isinstance(endpoint, str) or not endpoint.startswith(f"{host}/"):
        return False
    form = {"token": refresh_token, "token_type_hint": "refresh_token", **_named(app)}
    status, _ = ask("POST", endpoint.removeprefix(host), form)
    return status == 200


def _named(app: AppCredentials) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def _tokens_of(answer: dict[str, Any], *, refresh_token: str = "") -> Tokens:
    """Read a token response. refresh_token: kept when the response brings no new one.

    Raises ValueError when it is not a token response.
    """
    access, renewed = answer.get("access_token"), answer.get("refresh_token") or refresh_token
    scope, life = answer.get("scope") or "", answer.get("expires_in")
    plain = (
        isinstance(text, str) and text.isascii() and text.isprintable() for text in (access, renewed, scope)
    )
    if not access or not all(plain):
        raise ValueError("not a token response")
    seconds = (
        min(float(str(life)), _LONGEST_LIFE) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", str(life)) else None
    )
    return Tokens(
        access_token=str(access),
        refresh_token=str(renewed),
        scopes=scope.split(),
        expires_at=clock.now() + (timedelta(seconds=seconds) if seconds else _DEFAULT_LIFE),
    )
