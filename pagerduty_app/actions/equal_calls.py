"""Tell the results of equal calls apart: same action, same input, about the same time."""

from typing import Any

from pagerduty_app.errors.table import Known
from workflows.catalog import Caller, Json, ProviderError

_CHECK_AGAIN_SECONDS = 2.0


def unclaimed(candidates: list[Json], caller: Caller, name: str, waiting: Known) -> Json | None:
    """Return the first candidate that is not the result of an equal call, None if all are.

    name: of the output that holds the result. Read the candidates before: the call that made one is then either done,
    with its result stored, or still running, for which ProviderError with the code of `waiting` is raised.
    """
    if not candidates:
        return None
    equal = caller.equal_calls()
    if equal.running:
        raise ProviderError(
            waiting.name,
            f"{waiting.meaning.rstrip('.')}; checking its result.",
            retryable=True,
            retry_after=_CHECK_AGAIN_SECONDS,
            outcome_unknown=True,
        )
    results = (output.get(name) for output in equal.outputs)
    taken = [_identity(result) for result in results if isinstance(result, dict)]
    for candidate in candidates:
        if _identity(candidate) not in taken:
            return candidate
        taken.remove(_identity(candidate))
    return None


def _identity(result: Json) -> Any:
    """Return the id; responder requests may have only their time."""
    return result.get("id") or result.get("requested_at")
