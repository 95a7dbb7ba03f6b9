"""The one error of the client, and how answers become it (PagerDuty developer docs, REST API errors)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

_RETRYABLE = frozenset({408, 429})
_LONGEST_WAIT = 3600.0


class PagerDutyError(Exception):
    """PagerDuty refused, or did not answer.

    status: HTTP status, None without an answer. code: PagerDuty's own error number. retryable: the same request
    may succeed later. retry_after: seconds PagerDuty asked to wait. outcome_unknown: the request may have had
    its effect. errors: PagerDuty's list of details.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
        errors: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.errors = errors or []


def from_answer(answer: requests.Response, body: Any) -> PagerDutyError:
    """The error in an answer of status 300 or more; body: its JSON, or None."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, message, details = error.get("code"), error.get("message"), error.get("errors")
    status = answer.status_code
    return PagerDutyError(
        str(message)[:500] if message else f"PagerDuty answered {status}.",
        status=status,
        code=code if isinstance(code, int) else None,
        retryable=status in _RETRYABLE or status >= 500,
        retry_after=_retry_after(answer, datetime.now(UTC)),
        outcome_unknown=status == 408 or status >= 500,
        errors=[str(detail)[:300] for detail in details[:20]] if isinstance(details, list) else [],
    )


def _retry_after(answer: requests.Response, now: datetime) -> float | None:
    """Seconds to wait: Retry-After (seconds or a date), else ratelimit-reset (seconds), else None."""
    if answer.status_code != 429 and answer.status_code < 500:
        return None
    given = answer.headers.get("Retry-After")
    seconds = _seconds(given)
    if given and seconds is None:
        try:
            until = parsedate_to_datetime(given)
        except (TypeError, ValueError):
            until = None
        if until is not None:
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    if seconds is None and answer.status_code == 429:
        seconds = _seconds(answer.headers.get("ratelimit-reset"))
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def _seconds(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
