"""`api-slow-…`: one key calls a provider that takes long, 64 times at once; other tenants do not notice."""

import json
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import notes, receiver, sender
from bench.edge import calls
from bench.figures import SHORT, Row, at_most, exactly, percentile
from bench.paced import Paced
from bench.stack import Stack
from core import node_slots
from pagerduty_app import signatures

CALLS, DELAY = 64, 3.0 if SHORT else 10.0
AT_ONCE = node_slots.PER_CONNECTION
SECONDS = 20.0 if SHORT else 60.0
_WARM_UP = 5.0
_RECEIVED, _LOOKED, _CALLED = 20.0, 2.0, 2.0  # a second
_P99_MS = {"deliveries": 500.0, "pages": 1000.0, "calls of another account": 1000.0}
_OTHER = "eli@acme.example"
# Where "/" leads to, and the list that grows fastest.
_PAGES = ("/settings/connections/", "/runs/")
_NOTES = "SELECT json_extract(body, '$.content') FROM docs WHERE kind = 'note' AND body LIKE '%Slow call%'"
_COMPLETED = "SELECT COUNT(*) FROM workflows_actioncall WHERE status = 'completed' AND connection_id = '{}'"


def measure(kind: str, port: int) -> list[Row]:
    """Measure what others see meanwhile, and what became of the calls. kind: see Stack."""
    with Stack(kind, port) as stack:
        seed, [way] = stack.seed(), receiver.ways_of(stack, 1)
        [other] = json.loads(stack.python("-m", "bench.callers", _OTHER))
        notes.lift_rate_limit(stack)
        slow, quick = stack.sandbox("POST", "incidents", {"count": 2, "silent": True})["incidents"]
        rule = {"kind": "delay", "method": "POST", "path": f"/{slow}/notes$", "seconds": DELAY}
        stack.sandbox("POST", "faults", {"rules": [rule]})
        _meanwhile(stack, way, other, quick, _WARM_UP)
        since = time.time()
        with ThreadPoolExecutor(CALLS) as callers:
            asked = [callers.submit(_call, stack, seed, slow, number) for number in range(CALLS)]
            time.sleep(0.5)
            seen = _meanwhile(stack, way, other, quick, SECONDS)
            answers = Counter(one.result() for one in asked)
        print(f"     answers to the slow calls: {dict(answers)}", flush=True)
        took = calls.wait_until_ended(stack, patience=CALLS / AT_ONCE * DELAY * 3 + 60)
        print(
            f"     the last one ended {time.time() - since:.0f} s after the first, {took:.0f} s later",
            flush=True,
        )
        return _others(kind, seen) + _of_the_calls(stack, kind, seed, slow, since, answers)


def _call(stack: Stack, seed: dict[str, Any], incident: str, number: int) -> int:
    """Write a note; return the status of the answer."""
    body = {"from": calls.DANA, "incident_id": incident, "content": f"Slow call {number}"}
    stream = Paced(1, 1, lambda _: _note(stack, seed, body))
    stream.run()
    return stream.statuses[0]


def _note(stack: Stack, caller: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/v1/connections/{caller['connection']}/actions/pagerduty/create-incident-note/"
    headers = {"Authorization": f"Bearer {caller['api_key']}"}
    return {"method": "POST", "url": stack.url + path, "json": body, "headers": headers}


def _meanwhile(
    stack: Stack, way: tuple[str, str], other: dict[str, Any], incident: str, seconds: float
) -> dict[str, Paced]:
    """Have others use the product for so long; return what each of them saw."""

    def delivery(number: int) -> dict[str, Any]:
        path, secret = way
        body = sender.body_of(uuid.uuid4().hex)
        headers = {"X-PagerDuty-Signature": signatures.sign(body, secret), "Content-Type": "application/json"}
        return {"method": "POST", "url": stack.url + path, "data": body, "headers": headers}

    def page(number: int) -> dict[str, Any]:
        where = stack.url + _PAGES[number % len(_PAGES)]
        return {"method": "GET", "url": where, "cookies": other["cookies"], "allow_redirects": False}

    def call(number: int) -> dict[str, Any]:
        body = {"from": calls.DANA, "incident_id": incident, "content": f"Quick call {uuid.uuid4().hex}"}
        return _note(stack, other, body)

    streams = {
        "deliveries": Paced(_RECEIVED, seconds, delivery),
        "pages": Paced(_LOOKED, seconds, page),
        "calls of another account": Paced(_CALLED, seconds, call),
    }
    for stream in streams.values():
        stream.start()
    for stream in streams.values():
        stream.join()
    return streams


def _others(kind: str, seen: dict[str, Paced]) -> list[Row]:
    rows = []
    for what, stream in seen.items():
        name = f"{kind}, {CALLS} calls of {DELAY:g} s by one key: {what}"
        good = (200, 202) if what == "deliveries" else (200,)
        print(
            f"     {what}: {dict(Counter(stream.statuses))}, p50 {percentile(stream.waits, 50) * 1000:.0f} ms"
        )
        rows.append(exactly(f"{name}: answered badly", 0, stream.other_than(*good)))
        rows.append(at_most(f"{name}: p99", _P99_MS[what], percentile(stream.waits, 99) * 1000, "ms"))
    return rows


def _of_the_calls(
    stack: Stack, kind: str, seed: dict[str, Any], incident: str, since: float, answers: Counter[int]
) -> list[Row]:
    name = f"{kind}, {CALLS} calls of {DELAY:g} s by one key"
    times = [at for at, of in notes.requests(stack, since) if of == incident]
    written = [content for (content,) in stack.theirs(_NOTES)]
    connection = seed["connection"] if kind == "postgresql" else seed["connection"].replace("-", "")
    return [
        at_most(f"{name}: on their way at once", AT_ONCE, most_at_once(times, DELAY), "requests"),
        exactly(f"{name}: answered 200 or 202", CALLS, answers[200] + answers[202], "calls"),
        exactly(f"{name}: completed", CALLS, stack.rows(_COMPLETED.format(connection))[0][0], "calls"),
        exactly(f"{name}: notes written", CALLS, len(set(written)), "notes"),
        exactly(f"{name}: notes doubled", 0, len(written) - len(set(written)), "notes"),
    ]


def most_at_once(times: list[float], seconds: float) -> int:
    """Return how many requests were on their way at once. times: when each began, for `seconds` at least."""
    return max((sum(at <= other < at + seconds for other in times) for at in times), default=0)
