"""The rate limit in a response: ratelimit-* headers, a 429 (PagerDuty developer docs, rate limits)."""

import re
from dataclasses import dataclass

import requests

from pagerduty_app.client.errors import LONGEST_WAIT_SECONDS
from pagerduty_app.client.http import retry_after

_COUNT = re.compile(r"[0-9]{1,7}", re.ASCII)
# An operation with its own lower limit; its headers are not those of the limit that all requests share.
_APART = ("POST", "/incidents")


@dataclass(frozen=True)
class Limits:
    """Rate limit of a response; None where it has no header.

    limit: requests a minute. reset, retry_after: seconds. refused: whether the response is a 429.
    """

    limit: int | None
    remaining: int | None
    reset: float | None
    refused: bool
    retry_after: float | None


def of_answer(answer: requests.Response, method: str, path: str) -> Limits:
    refused = answer.status_code == 429
    asked = retry_after.seconds_of(answer, longest=LONGEST_WAIT_SECONDS) if refused else None
    if (method, path) == _APART:
        return Limits(None, None, None, refused, asked)
    limit, remaining, reset = (
        _count(answer.headers.get(f"ratelimit-{name}")) for name in ("limit", "remaining", "reset")
    )
    return Limits(limit or None, remaining, None if reset is None else min(reset, 60.0), refused, asked)


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text.strip()) else None
