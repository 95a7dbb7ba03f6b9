"""Outcomes: store how an attempt ended. The call is then completed, waiting until a time, paused or failed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from connections.grants.request_budget import Exhausted
from core import backoff
from core.db import clock
from core.errors import Problem
from core.text.json_sanitize import storable
from workflows.calls import loop_detection, problems
from workflows.calls.leases import CallLease
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
# These come from something between us and the provider, which may still be at work behind it (RFC 9110,
# 15.6.3, 15.6.5); None is silence. With any other status the provider says that it is done with the request.
_NO_LAST_WORD = frozenset({None, 408, 502, 504, *range(505, 600)})
Status = ActionCall.Status


class Settlement:
    """The last moment of an attempt: each method stores one way in which it can end.

    lease: of the call. sent: whether this attempt has sent a write that the provider has not refused since. Each method
    raises LeaseLost when another worker has the call, or what the call serves, by now.
    """

    def __init__(self, lease: CallLease) -> None:
        self.sent = False
        self._lease = lease
        self._call = lease.row
        self._unsure_before = lease.row.unsure

    def success(self, output: Json) -> None:
        # A result that was found, not answered, may be an equal call's; then our own request is still under way.
        settled = {"settles_at": None} if self.sent else {}
        if self.sent and output.get("changed") is False:
            loop_detection.forget(self._call)  # another client made the change first: the event is theirs
        self._lease.complete(of_success(output) | settled | {"unsure": False})

    def refusal(self, error: ProviderError) -> None:
        """Store the provider's refusal, or its silence."""
        # What an earlier attempt may have done is not known better because this one was refused.
        unsure = self._unsure_before or (self.sent and error.outcome_unknown)
        settled = {"settles_at": None} if self.sent and error.status not in _NO_LAST_WORD else {}
        failure = of_failure(self._call, problems.of_provider_error(error))
        self._lease.write(**failure, **settled, unsure=unsure)
        if self.sent and not unsure:
            loop_detection.forget(self._call)

    def problem(self, problem: Problem) -> None:
        """Store a failure on our side, such as a connection that cannot be used."""
        unsure = self.sent or self._unsure_before
        self._lease.write(**of_failure(self._call, problem), unsure=unsure)

    def too_early(self, until: datetime) -> None:
        """Store that the last request may still take effect until then."""
        self._lease.write(**of_early_look(self._call, until))

    def spent_budget(self, spent: Exhausted) -> None:
        """Store when the provider's rate limit allows the next request."""
        self._lease.write(**of_spent_budget(self._call, spent, sent=self.sent))

    def refused_token(self) -> None:
        """Take back what was written ahead: the provider did not take the token, so nothing was done."""
        if self.sent:
            self.sent = False
            self._lease.write(unsure=self._unsure_before, settles_at=None)
            if not self._unsure_before:
                loop_detection.forget(self._call)


def of_success(output: Json) -> dict[str, Any]:
    """Return the columns of a completed call."""
    now = clock.now()
    return {
        "status": Status.COMPLETED,
        "output": storable(output),
        "error": None,
        "next_attempt_at": None,
        "finished_at": now,
    }


def of_early_look(call: ActionCall, until: datetime) -> dict[str, Any]:
    """Return the columns of a call that is looked after again at `until`; nothing was tried, so nothing is counted."""
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
    """Return the columns of a call whose turn comes at `spent.at`; where nothing was sent, nothing is counted."""
    problem = problems.of_spent_budget(spent)
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
    """Return the columns of a call whose attempt did not succeed."""
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
    """Return the columns of a call that has failed for good."""
    return {
        "status": Status.FAILED,
        "error": storable({**problem.as_error(), "status": problem.status}),
        "next_attempt_at": None,
        "finished_at": clock.now(),
    }


def of_further_round(call: ActionCall) -> dict[str, Any] | None:
    """Return the columns of a failed call that is tried once more, later; None when that is not worth it or used up."""
    if not (call.error or {}).get("retryable") or call.rounds >= len(FURTHER_ROUNDS):
        return None
    wait = FURTHER_ROUNDS[call.rounds]
    return {
        "status": Status.WAITING,
        "rounds": call.rounds + 1,
        "next_attempt_at": clock.now() + wait,
        "finished_at": None,
    }
