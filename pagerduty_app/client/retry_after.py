"""How long an answer asks to wait: Retry-After in seconds or as a date (RFC 9110, 10.2.3), or ratelimit-reset."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

# "At once" and dates in the past: both clocks and PagerDuty's windows are no finer than this.
SHORTEST_SECONDS = 1.0
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?", re.ASCII)


def seconds_of(answer: requests.Response, *, longest: float) -> float | None:
    """Seconds to wait, from 1 to `longest`; None when the answer does not say, or says what nobody understands.

    Only 429 and 5xx ask for it. ratelimit-reset belongs to PagerDuty's 429 (developer docs, rate limits).
    """
    if answer.status_code != 429 and answer.status_code < 500:
        return None
    asked = _seconds(answer.headers.get("Retry-After"))
    if asked is None and answer.status_code == 429:
        asked = _seconds(answer.headers.get("ratelimit-reset"))
    return None if asked is None else min(max(asked, SHORTEST_SECONDS), longest)


def _seconds(text: str | None) -> float | None:
    """Any number of seconds, also below zero and infinite; None for what is neither a number nor a date."""
    text = (text or "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        return (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
