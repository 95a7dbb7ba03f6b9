"""The client's error, and its construction from a response (PagerDuty developer docs, REST API errors)."""

from collections.abc import Iterable

import requests

from pagerduty_app.client import refusals
from pagerduty_app.client.http import retry_after

_RETRYABLE = frozenset({408, 429})
# A request is retried for at most six hours (workflows.calls.outcomes); a longer Retry-After ends it.
LONGEST_WAIT_SECONDS = 6 * 3600.0


class PagerDutyError(Exception):
    """PagerDuty refused, or did not respond.

    status: HTTP status, None without a response. code: PagerDuty's error code as text, None without one.
    retryable: the same request may succeed later. retry_after: seconds from PagerDuty. outcome_unknown: the request may
    have taken effect. reasons: PagerDuty's details, in words. missing_scopes: scopes that the token lacks, if named.
    lacks_scope: whether it lacks any.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
        reasons: Iterable[str] = (),
        missing_scopes: Iterable[str] = (),
        lacks_scope: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = None if code is None else str(code)
        self.retryable = retryable
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.reasons = list(reasons)
        self.missing_scopes = list(missing_scopes)
        self.lacks_scope = lacks_scope


def from_answer(answer: requests.Response, content: bytes, secrets: Iterable[str] = ()) -> PagerDutyError:
    """Return the error of a response with status 300 or more. secrets: to remove from messages."""
    waits = retry_after.seconds_of(answer, longest=LONGEST_WAIT_SECONDS)
    return of_refusal(refusals.read(content, secrets), answer.status_code, waits)


def of_refusal(refusal: refusals.Refusal, status: int, waits: float | None = None) -> PagerDutyError:
    """Return the error of a refusal with status 300 or more. waits: seconds of Retry-After."""
    return PagerDutyError(
        refusal.message or f"PagerDuty answered {status}.",
        status=status,
        code=refusal.code or None,
        retryable=status in _RETRYABLE or status >= 500,
        retry_after=waits,
        outcome_unknown=status == 408 or status >= 500,
        reasons=refusal.reasons,
        missing_scopes=refusal.missing_scopes if status == 403 else (),
        lacks_scope=status == 403 and refusal.lacks_scope,
    )
