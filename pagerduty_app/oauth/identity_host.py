"""Requests to PagerDuty's identity host: the one place through which they leave."""

import json
import time
from typing import Any

import requests
from django.conf import settings

from pagerduty_app.client import refusals
from pagerduty_app.client.http import bounds, retry_after
from pagerduty_app.client.http.session import PlainSession

_TIMEOUT = (3.05, 10)
_LONGEST_SECONDS = 15
_LARGEST_ANSWER = 256 * 1024
# An access token is valid for a day and is renewed hours before its end: an hour's wait is harmless.
_LONGEST_WAIT_SECONDS = 3600.0
_LONGEST_REASON = 300
_SECRETS = ("client_secret", "code", "code_verifier", "refresh_token", "token")


class IdentityHostError(Exception):
    """No usable answer. Of what was answered it carries a reason in words, from which secrets are removed."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def ask(method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of the answer. Raises IdentityHostError (no answer, no JSON, 429, 5xx)."""
    until = time.monotonic() + _LONGEST_SECONDS
    with PlainSession() as session:
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
            content = bounds.read(answer, largest=_LARGEST_ANSWER, until=until)
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
    """What an answer other than 200 says; form: what was asked, whose secrets must not come back in words."""
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
