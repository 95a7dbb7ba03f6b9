"""Read the wait from a response: Retry-After in seconds or as a date (RFC 9110, 10.2.3), or ratelimit-reset."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

# The wait for "at once" and past dates: clocks and PagerDuty's windows are no finer than a second.
SHORTEST_SECONDS = 1.0
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?", re.ASCII)


def seconds_of(answer: requests.Response, *, longest: float) -> float | None:
    """Return the seconds to wait, from 1 to `longest`; None if they are missing or cannot be parsed.

    Only 429 and 5xx have them. ratelimit-reset belongs to PagerDuty's 429 (developer docs, rate limits).
    """
    if answer.status_code != 429 and answer.status_code < 500:
        return None
    asked = _seconds(answer.headers.get("Retry-After"))
    if asked is None and answer.status_code == 429:
        asked = _seconds(answer.headers.get("ratelimit-reset"))
    return None if asked is None else min(max(asked, SHORTEST_SECONDS), longest)


def _seconds(text: str | None) -> float | None:
    """Return the seconds, possibly negative or infinite; None if the text is neither a number nor a date."""
    text = (text or "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        return (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
