"""Start many requests at once over the product's API, and wait until all have ended."""

import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import resend
from bench.stack import Stack, wait_for

_SENDERS = 8
DANA = "dana@acme.example"


def begin(
    stack: Stack,
    seed: dict[str, Any],
    action: str,
    inputs: Iterable[dict[str, Any]],
    *,
    prefer: str = "respond-async",
) -> list[str]:
    """Start the requests, with `prefer` as it is without waiting. Return their ids in the order of the inputs.

    The Idempotency-Key keeps one that is sent again, because the server was busy, one request.
    """
    url = f"{stack.url}/api/v1/connections/{seed['connection']}/actions/pagerduty/{action}/"
    headers = {"Authorization": f"Bearer {seed['api_key']}", "Prefer": prefer}

    def ask(data: dict[str, Any]) -> str:
        answer = resend.post(url, json=data, headers={**headers, "Idempotency-Key": str(uuid.uuid4())})
        call: str = answer.json()["id"]
        return call

    with ThreadPoolExecutor(_SENDERS) as senders:
        return list(senders.map(ask, inputs))


def wait_until_ended(stack: Stack, patience: float) -> float:
    """Return the seconds until no request is open. Raise TimeoutError."""
    began = time.monotonic()
    still_open = "SELECT COUNT(*) FROM workflows_actioncall WHERE finished_at IS NULL"
    wait_for("every call to end", lambda: stack.rows(still_open)[0][0] == 0, patience)
    return time.monotonic() - began


def ended_badly(stack: Stack, *, but: Iterable[str] = ()) -> int:
    """Return the number of failed requests, except those with these reasons."""
    failed = stack.rows("SELECT error FROM workflows_actioncall WHERE status <> 'completed'")
    return sum(1 for (error,) in failed if not any(reason in str(error) for reason in but))
