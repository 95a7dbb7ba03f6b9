"""Outcomes: what an attempt's end means for the call: done, try again at …, wait for a person, or failed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from connections.grants.rate_limit import Exhausted
from core import backoff
from core.db import clock
from core.errors import Problem
from core.json_sanitize import storable
from workflows.calls import provider_access
from workflows.catalog import Json, ProviderError
from workflows.models import ActionCall

log = structlog.get_logger(__name__)

# How long what may pass is tried again; the number of attempts only ends what kills each worker that tries.
_LONGEST_RETRY = timedelta(hours=6)
_LONGEST_WITH_ROUNDS = timedelta(hours=24)
MAX_ATTEMPTS = 60
# A step whose workflow says `retry` has one more attempt after each of these, when all that was in vain.
FURTHER_ROUNDS = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
# A person has to reconnect; after that a workflow's step can simply go on.
_NEEDS_PERSON = frozenset({"reconnection_needed", "connection_pending"})
Status = ActionCall.Status


def of_success(output: Json) -> dict[str, Any]:
    """The columns of a completed call."""
    now = clock.now()
    return {
        "status": Status.COMPLETED,
        "output": storable(output),
        "error": None,
        "next_attempt_at": None,
        "finished_at": now,
    }


def of_early_look(call: ActionCall, until: datetime) -> dict[str, Any]:
    """The columns of a call that is looked after again at `until`; nothing was tried, so nothing is counted."""
    problem = Problem(
        "outcome_not_known_yet",
        "Checking whether the previous request succeeded before retrying.",
        status=502,
        retryable=True,
    )
    return {
        "status": Status.WAITING,
        "error": call.error or {**problem.as_error(), "status": problem.status},
        "attempts": call.attempts - 1,
        "next_attempt_at": until,
    }


def of_spent_budget(call: ActionCall, spent: Exhausted, *, sent: bool) -> dict[str, Any]:
    """The columns of a call whose turn comes at `spent.at`; where nothing was sent, nothing is counted."""
    problem = provider_access.as_problem(spent)
    longest = _LONGEST_WITH_ROUNDS if call.rounds else _LONGEST_RETRY
    if clock.now() - call.created_at >= longest:
        return of_end(problem)
    at = datetime.fromtimestamp(spent.at, UTC)
    return {
        "status": Status.WAITING,
        "error": {**problem.as_error(), "status": problem.status},
        "attempts": call.attempts if sent else call.attempts - 1,
        "next_attempt_at": at,
    }


def of_failure(call: ActionCall, problem: Problem) -> dict[str, Any]:
    """The columns of a call whose attempt did not succeed."""
    log.info("attempt_failed", call=call.key, action=call.action, code=problem.code, attempt=call.attempts)
    error = storable({**problem.as_error(), "status": problem.status})
    if problem.code in _NEEDS_PERSON and call.origin == ActionCall.Origin.STEP:
        return {"status": Status.PAUSED, "error": error, "next_attempt_at": None}
    in_time = clock.now() - call.created_at < _LONGEST_RETRY
    if problem.retryable and in_time and call.attempts < MAX_ATTEMPTS + call.rounds:
        wait = timedelta(seconds=backoff.delay(call.attempts, problem.retry_after))
        return {"status": Status.WAITING, "error": error, "next_attempt_at": clock.now() + wait}
    return of_end(problem)


def of_end(problem: Problem) -> dict[str, Any]:
    """The columns of a call that has failed for good."""
    return {
        "status": Status.FAILED,
        "error": storable({**problem.as_error(), "status": problem.status}),
        "next_attempt_at": None,
        "finished_at": clock.now(),
    }


def of_further_round(call: ActionCall) -> dict[str, Any] | None:
    """The columns of a failed call that is tried once more, later; None when that is not worth it or used up."""
    if not (call.error or {}).get("retryable") or call.rounds >= len(FURTHER_ROUNDS):
        return None
    wait = FURTHER_ROUNDS[call.rounds]
    return {
        "status": Status.WAITING,
        "rounds": call.rounds + 1,
        "next_attempt_at": clock.now() + wait,
        "finished_at": None,
    }


def as_problem(error: ProviderError) -> Problem:
    """A provider's refusal with the HTTP status that an API caller gets for it."""
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


def problem_of(call: ActionCall) -> Problem:
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
