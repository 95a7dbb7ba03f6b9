"""PagerDuty's identity host: requests to it, and the ID token that says who consented, in which account and region.

Source: PagerDuty developer docs, OpenID token.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from django.conf import settings
from django.core.cache import cache

from connections.grants.registry import Identity
from pagerduty_app.client import refusals
from pagerduty_app.client.http import bounds, retry_after
from pagerduty_app.client.http.session import PlainSession, TooLate, leaving_by

_TIMEOUT = (3.05, 10)
_LONGEST_SECONDS = 15
# A refresh token that is sent late, by a process that was stopped, may have been used by another one meanwhile.
_LEAVES_WITHIN = 20.0
_LARGEST_ANSWER = 256 * 1024
# An access token is valid for a day and is renewed hours before its end: an hour's wait is harmless.
_LONGEST_WAIT_SECONDS = 3600.0
_LONGEST_REASON = 300
_SECRETS = ("client_secret", "code", "code_verifier", "refresh_token", "token")
_LEEWAY_SECONDS = 60
_JWKS = "/global/oauth/anonymous/jwks"
_JWKS_CACHE_KEY = "pagerduty-jwks"
_JWKS_SECONDS = 3600


class IdentityHostError(Exception):
    """Raised without a usable response. The message has the response's reason, with secrets removed."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def ask(method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of the answer. Raises IdentityHostError (no answer, no JSON, 429, 5xx)."""
    asked_at = time.monotonic()
    with PlainSession() as session, leaving_by(asked_at + _LEAVES_WITHIN):
        try:
            answer = session.request(
                method,
                settings.PAGERDUTY_IDENTITY_URL + path,
                data=form,
                headers={"Accept": "application/json"},
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            content = bounds.read(answer, largest=_LARGEST_ANSWER, until=asked_at + _LONGEST_SECONDS)
        except TooLate:
            raise IdentityHostError("The request to PagerDuty's sign-in was not sent in time.") from None
        except bounds.TooLarge:
            raise IdentityHostError("PagerDuty's sign-in answered more than it should.") from None
        except (requests.RequestException, OSError) as error:
            raise IdentityHostError(f"PagerDuty's sign-in did not answer ({type(error).__name__}).") from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise IdentityHostError(
            _in_words(answer.status_code, refusals.read(content, _secrets_of(form))),
            retry_after.seconds_of(answer, longest=_LONGEST_WAIT_SECONDS),
        )
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        said = f"PagerDuty's sign-in answered {answer.status_code} without JSON."
        if answer.status_code >= 300:
            said = _in_words(answer.status_code, refusals.read(content, _secrets_of(form)))
        raise IdentityHostError(said)
    return answer.status_code, body


def refusal_of(body: dict[str, Any], form: dict[str, str]) -> refusals.Refusal:
    """The reason in a response other than 200. form: the request, whose secrets are removed from it."""
    return refusals.of_body(body, _secrets_of(form))


def refused(status: int, body: dict[str, Any], form: dict[str, str]) -> str:
    """The same as one sentence."""
    return _in_words(status, refusal_of(body, form))


def _secrets_of(form: dict[str, str] | None) -> list[str]:
    return [value for name, value in (form or {}).items() if name in _SECRETS]


def _in_words(status: int, refusal: refusals.Refusal) -> str:
    code = refusal.code if refusal.code != refusal.message else ""
    said = "; ".join(filter(None, (refusal.message, *refusal.reasons)))[:_LONGEST_REASON].rstrip(".")
    return f"PagerDuty's sign-in answered {status}{f' {code}' if code else ''}{f': {said}' if said else ''}."


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
