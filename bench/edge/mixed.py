"""`no-429-…`: workflows and API calls of many connections at once, and PagerDuty never has to refuse one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import notes, resend
from bench.edge import calls
from bench.figures import SHORT, Row, exactly
from bench.stack import Stack, wait_for

CALLS, PER_MINUTE = (600, 960) if SHORT else (5_000, 960)
# Two connections of each person, in accounts of their own: PagerDuty counts by person and app.
PEOPLE = [f"{name}@acme.example" for name in ("dana", "eli", "farah", "gus", "hana")][: 2 if SHORT else 5]
_RUNS = "SELECT COUNT(*) FROM workflows_run WHERE status = 'completed'"
_OPEN = (
    "SELECT (SELECT COUNT(*) FROM workflows_run WHERE finished_at IS NULL)"
    " + (SELECT COUNT(*) FROM workflows_event WHERE status = 'queued')"
    " + (SELECT COUNT(*) FROM workflows_actioncall WHERE finished_at IS NULL)"
)
_SENDERS = 8
Caller = dict[str, Any]


def measure(kind: str, port: int) -> list[Row]:
    """Have half of the calls made by workflows; of the API's, half are waited for. kind: see Stack."""
    with Stack(kind, port) as stack:
        stack.seed()
        callers: list[Caller] = json.loads(stack.python("-m", "bench.callers", *PEOPLE, *PEOPLE))
        listeners = [notes.listener(stack, caller, 0) for caller in callers]
        ids = stack.sandbox("POST", "incidents", {"count": CALLS // 2, "silent": True})["incidents"]
        stack.sandbox("POST", "settings", {"rate_limit": PER_MINUTE})
        began, each = time.time(), CALLS // 2 // len(callers)
        with ThreadPoolExecutor() as threads:
            works = [threads.submit(_deliver, listeners, ids)]
            for caller in callers:
                for prefer, count in (("respond-async", each // 2), ("wait=1", each - each // 2)):
                    works.append(threads.submit(_begin, stack, caller, ids[0], count, prefer))
            for work in works:
                work.result()
        patience = CALLS / len(PEOPLE) / PER_MINUTE * 60 * 3 + 120
        wait_for("all of it", lambda: not stack.rows(_OPEN)[0][0], patience, every=0.5)
        return _figures(stack, kind, began, each * len(callers), len(ids))


def _deliver(listeners: list[notes.Listener], incidents: list[str]) -> None:
    """Send an event of each incident. Raise requests.HTTPError."""

    def post(numbered: tuple[int, str]) -> None:
        number, incident = numbered
        listener, body = listeners[number % len(listeners)], notes.body_of(incident)
        resend.post(listener.url, data=body, headers=listener.sign(body))

    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(post, enumerate(incidents)))


def _begin(stack: Stack, caller: Caller, incident: str, count: int, prefer: str) -> None:
    inputs = [{"incident_id": incident}] * count
    calls.begin(stack, caller, "get-incident", inputs, prefer=prefer)


def _figures(stack: Stack, kind: str, began: float, called: int, runs: int) -> list[Row]:
    log = [row for row in stack.sandbox("GET", f"requests?since={began}")["requests"] if row["client"]]
    print(f"     {len(log)} requests in {max(row['at'] for row in log) - began:.0f} s", flush=True)
    name = f"{kind}, {called} API calls and {runs} runs of {2 * len(PEOPLE)} connections"
    return [
        exactly(f"{name}: refused with 429", 0, sum(row.get("status") == 429 for row in log)),
        exactly(f"{name}: failed", 0, calls.ended_badly(stack)),
        exactly(f"{name}: runs completed", runs, stack.rows(_RUNS)[0][0], "runs"),
    ]
