"""Rate limit: ten workers have far more requests than PagerDuty allows, and it never has to refuse one."""

import json
import time
from typing import Any

from bench.edge import calls
from bench.figures import SHORT, Row, at_least, at_most, exactly
from bench.stack import Stack, wait_for

CALLS, WORKERS, PER_MINUTE = (500 if SHORT else 5_000), 10, 960
TOGETHER, LISTED = 3, (1_500 if SHORT else 6_000)
_ASKS_TO_WAIT = 6.0


def measure(kind: str, port: int) -> list[Row]:
    with Stack(kind, port, workers=WORKERS) as stack:
        seed = stack.seed()
        incident = stack.sandbox("POST", "incidents", {"silent": True})["incidents"][0]
        began = time.time()
        calls.begin(stack, seed, "get-incident", [{"incident_id": incident}] * CALLS)
        calls.wait_until_ended(stack, patience=CALLS / PER_MINUTE * 60 * 2 + 60)
        rows = _of_our_own_pace(stack, kind, began) + _listings_together(stack, seed, kind)
        return rows + _after_a_refusal(stack, seed, incident, kind)


def _asked(stack: Stack, since: float) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.sandbox("GET", f"requests?since={since}")["requests"]
    return [row for row in found if row["client"]]


def _of_our_own_pace(stack: Stack, kind: str, began: float) -> list[Row]:
    asked = _asked(stack, began)
    times = sorted(row["at"] for row in asked)
    most = max(sum(1 for at in times[first:] if at < times[first] + 60) for first in range(0, len(times), 10))
    seconds = times[-1] - times[0]
    print(f"     {len(times)} requests in {seconds:.0f} s")
    return [
        exactly(f"{kind}: refused with 429 of {CALLS} calls by {WORKERS} workers", 0, _refused(asked)),
        exactly(f"{kind}: failed of them", 0, calls.ended_badly(stack)),
        at_most(f"{kind}: requests in any minute", PER_MINUTE, most, "requests"),
        at_least(f"{kind}: of the allowance used", 0.5, _used(len(times), seconds), "of it"),
    ]


def _refused(asked: list[dict[str, Any]]) -> int:
    return sum(row.get("status") == 429 for row in asked)


def _used(requests: int, seconds: float) -> float:
    """Check the rate: a burst of a quarter of a minute's allowance, then an even rate."""
    return requests / (PER_MINUTE / 60 * (seconds + 15))


def _listings_together(stack: Stack, seed: dict[str, Any], kind: str) -> list[Row]:
    """Check that listings that share an allowance do not repeat each other's pages: about one request a page."""
    fill = {"service_id": "PSVC03", "count": LISTED, "apart": 60, "silent": True}
    stack.sandbox("POST", "incidents", fill)
    time.sleep(20)  # a full bucket again
    began, wanted = time.time(), {"service_ids": ["PSVC03"], "date_range": "all", "all": True}
    calls.begin(stack, seed, "list-incidents", [wanted] * TOGETHER)
    calls.wait_until_ended(stack, patience=300)
    found = stack.rows("SELECT output FROM workflows_actioncall WHERE action = 'pagerduty/list-incidents'")
    outputs = [json.loads(output) if isinstance(output, str) else output for (output,) in found]
    whole = sum(output["complete"] and len(output["incidents"]) == LISTED for output in outputs)
    pages = TOGETHER * (LISTED // 99 + 1)
    return [
        exactly(f"{kind}: complete of {TOGETHER} listings of {LISTED:,} at once", TOGETHER, whole),
        at_most(
            f"{kind}: requests for their {pages} pages", pages * 1.2, len(_asked(stack, began)), "requests"
        ),
    ]


def _after_a_refusal(stack: Stack, seed: dict[str, Any], incident: str, kind: str) -> list[Row]:
    """Check that after a 429 caused by other software no process sends a request before its end."""
    time.sleep(20)  # a full bucket again
    rule = {"kind": "rate_limit", "retry_after": str(int(_ASKS_TO_WAIT)), "path": "/incidents", "times": 1}
    stack.sandbox("POST", "faults", {"rules": [rule]})
    began = time.time()
    calls.begin(stack, seed, "get-incident", [{"incident_id": incident}] * 40)
    wait_for("the calls to end", lambda: calls.wait_until_ended(stack, 60) >= 0, 60)
    asked = _log(stack, began)
    refused_at = min(row["at"] for row in asked if row["status"] == 429)
    # Requests in flight when the refusal arrived do not count.
    early = [row for row in asked if refused_at + 1.0 < row["at"] < refused_at + _ASKS_TO_WAIT]
    return [
        exactly(f"{kind}: asked before the end that a 429 named", 0, len(early)),
        exactly(f"{kind}: failed in the end", 0, calls.ended_badly(stack)),
    ]


def _log(stack: Stack, since: float) -> list[dict[str, Any]]:
    """Return the request log, including the request that a fault refused before it had an owner."""
    found: list[dict[str, Any]] = stack.sandbox("GET", f"requests?since={since}")["requests"]
    return found
