"""Requests to PagerDuty's identity host: the one place through which they leave."""

import json
import time
from typing import Any

import requests
from django.conf import settings

from pagerduty_app.client import bounds, retry_after
from pagerduty_app.client.session import PlainSession

_TIMEOUT = (3.05, 10)
_LONGEST_SECONDS = 15
_LARGEST_ANSWER = 256 * 1024
# An access token lives for a day and is renewed hours before its end: an hour's wait costs nobody anything.
_LONGEST_WAIT_SECONDS = 3600.0


class IdentityHostError(Exception):
    """No usable answer. Carries no part of the request or the answer: both hold secrets."""

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
            f"PagerDuty's sign-in answered {answer.status_code}.",
            retry_after.seconds_of(answer, longest=_LONGEST_WAIT_SECONDS),
        )
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise IdentityHostError(f"PagerDuty's sign-in answered {answer.status_code} without JSON.")
    return answer.status_code, body
