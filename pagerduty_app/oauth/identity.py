"""The id_token: who consented, in which account and region (PagerDuty developer docs, OpenID token)."""

from typing import Any
from urllib.parse import urlsplit

import jwt
from django.conf import settings
from django.core.cache import cache

from connections.grants.registry import Identity
from pagerduty_app.oauth.identity_host import IdentityHostError, ask

_LEEWAY_SECONDS = 60
_JWKS = "/global/oauth/anonymous/jwks"
_JWKS_CACHE_KEY = "pagerduty-jwks"
_JWKS_SECONDS = 3600


class IdentityRefused(Exception):
    """An id_token that does not prove who consented; the message holds no part of it."""


def verify(id_token: Any, *, client_id: str) -> Identity:
    """client_id: of the app that asked.

    Raises IdentityRefused, or IdentityHostError when the keys to check it cannot be had.
    """
    if not isinstance(id_token, str) or not id_token:
        raise IdentityRefused("PagerDuty sent no id_token.")
    try:
        claims = jwt.decode(
            id_token,
            key=_signing_key(id_token),
            algorithms=["RS256"],
            audience=client_id,
            issuer=settings.PAGERDUTY_ID_TOKEN_ISSUERS,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss"]},
        )
    except (jwt.PyJWTError, TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused(f"PagerDuty's id_token is not valid ({type(error).__name__}).") from None
    account_id, user_id = _text(claims, "account_id"), _text(claims, "user_id")
    if not account_id or not user_id:
        raise IdentityRefused("PagerDuty's id_token does not name an account and a user.")
    return Identity(
        account_id=account_id,
        account_name=_text(claims, "subdomain"),
        user_id=user_id,
        region=_region(claims),
        delegation_id=_text(claims, "delegation_id"),
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:120] if isinstance(value, str) and value.isprintable() else ""


def _region(claims: dict[str, Any]) -> str:
    """`us` or `eu`: the claim and the API host in `aud` must not contradict each other."""
    hosts = {
        settings.PAGERDUTY_API_URL.rstrip("/"): "us",
        settings.PAGERDUTY_API_URL_EU.rstrip("/"): "eu",
    }
    bare = {urlsplit(url).netloc + urlsplit(url).path: region for url, region in hosts.items()}
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    named = {(hosts | bare).get(str(entry).rstrip("/")) for entry in audience} - {None}
    claimed = _text(claims, "region").lower()
    if claimed:
        named.add(claimed)
    if len(named) != 1 or not named <= {"us", "eu"}:
        raise IdentityRefused("PagerDuty's id_token does not name one region that we know.")
    return str(named.pop())


def _signing_key(id_token: str) -> Any:
    """The key that the token names; the key set is fetched anew when it does not have it yet."""
    key_id = jwt.get_unverified_header(id_token).get("kid")
    for fresh in (False, True):
        for key in _keys(fresh=fresh):
            if key_id is None or key.key_id == key_id:
                return key.key
    raise IdentityRefused("PagerDuty's id_token is signed with an unknown key.")


def _keys(*, fresh: bool) -> list[jwt.PyJWK]:
    """PagerDuty's signing keys; only a key set that could be read is remembered."""
    cache_key = f"{_JWKS_CACHE_KEY}:{settings.PAGERDUTY_IDENTITY_URL}"
    known: dict[str, Any] | None = None if fresh else cache.get(cache_key)
    if known is not None:
        return jwt.PyJWKSet.from_dict(known).keys
    status, answer = ask("GET", _JWKS)
    if status != 200:
        raise IdentityHostError(f"PagerDuty's signing keys cannot be had ({status}).")
    keys = jwt.PyJWKSet.from_dict(answer).keys
    cache.set(cache_key, answer, _JWKS_SECONDS)
    return keys
