"""The one error of the client, and how answers become it (PagerDuty developer docs, REST API errors)."""

from typing import Any

import requests

from pagerduty_app.client import retry_after

_RETRYABLE = frozenset({408, 429})
# A call is tried again for six hours at most (workflows.outcomes): asking for longer ends it.
LONGEST_WAIT_SECONDS = 6 * 3600.0


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
        retry_after=retry_after.seconds_of(answer, longest=LONGEST_WAIT_SECONDS),
        outcome_unknown=status == 408 or status >= 500,
        errors=[str(detail)[:300] for detail in details[:20]] if isinstance(details, list) else [],
    )
