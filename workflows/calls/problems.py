"""Problems of calls: what API clients, pages and logs are shown of a request that did not succeed."""

from connections.grants.request_budget import Exhausted
from core.db import clock
from core.errors import Problem
from workflows.catalog import ProviderError
from workflows.models import ActionCall


def of_provider_error(error: ProviderError) -> Problem:
    """Return the provider's refusal with the HTTP status that an API client gets for it."""
    return Problem(
        error.code,
        error.message,
        status=400 if error.fields else _status_for(error.status),
        fields=error.fields,
        provider_status=error.status,
        retryable=error.retryable,
        detail=error.detail,
        retry_after=error.retry_after,
    )


def _status_for(provider_status: int | None) -> int:
    """Return the provider's 4xx status; 502 for its own failures, such as an unusable 200."""
    if provider_status is None or not 400 <= provider_status < 500 or provider_status in (401, 408):
        return 502
    return provider_status


def of_spent_budget(spent: Exhausted) -> Problem:
    """Return why a request has to wait, and for how long."""
    retry_after = max(0.0, spent.at - clock.now().timestamp())
    message = (
        "Rate limited by the provider; requests resume at the time it named."
        if spent.blocked
        else f"The provider’s limit of {spent.per_minute} requests a minute is used up; requests resume automatically."
    )
    return Problem("request_budget_spent", message, status=429, retryable=True, retry_after=retry_after)


def of_cut_off_stream() -> Problem:
    """Return the error of a stream that did not reach its end."""
    return Problem("stream_cut_off", "The stream was interrupted; request it again.", status=502)


def of_failed_call(call: ActionCall) -> Problem:
    """Return the stored error of a failed call as the Problem for the API client."""
    error = dict(call.error or {})
    detail = {**error.get("detail", {}), "id": str(call.pk)}
    return Problem(
        error.get("code", "cancelled"),
        error.get("message", "This action call was cancelled."),
        status=error.get("status", 409),
        fields=detail.pop("fields", None),
        provider_status=error.get("provider_status"),
        retryable=error.get("retryable", False),
        detail=detail,
    )
