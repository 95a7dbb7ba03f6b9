"""Latency from the receiver's 202 to the action's arrival at PagerDuty, at a steady rate."""

import time
from concurrent.futures import ThreadPoolExecutor

import requests

from bench import notes
from bench.figures import SHORT, Row, at_most, percentile
from bench.stack import Stack, wait_for

PACES = (5, 20)
SECONDS = 8 if SHORT else 30
P50_MS, P99_MS = 50.0, 250.0
_WARM_UP = 10
_SENDERS = 4


def measure(kind: str, port: int) -> list[Row]:
    """Measure p50 and p99 at each rate, in milliseconds. kind: see Stack."""
    rows = []
    with Stack(kind, port) as stack:
        ways = notes.prepare(stack, _WARM_UP + SECONDS * sum(PACES))
        send(stack, ways[:_WARM_UP], per_second=5)
        begin = _WARM_UP
        for pace in PACES:
            waits = send(stack, ways[begin : begin + pace * SECONDS], per_second=pace)
            begin += pace * SECONDS
            for percent, wanted in ((50, P50_MS), (99, P99_MS)):
                name = f"{kind}, {pace} events/s: accepted to action received, p{percent}"
                rows.append(at_most(name, wanted, percentile(waits, percent) * 1000, "ms"))
    return rows


def send(stack: Stack, ways: list[tuple[notes.Listener, str]], *, per_second: int) -> list[float]:
    """Send at a rate; return the seconds of each from its 202 to the sandbox. Raise if one is missing."""
    sessions = [_session() for _ in range(_SENDERS)]
    accepted: dict[str, float] = {}

    def post(number: int, due: float) -> None:
        listener, incident = ways[number]
        body = notes.body_of(incident)
        headers = listener.sign(body)
        time.sleep(max(0.0, due - time.monotonic()))
        answer = sessions[number % _SENDERS].post(listener.url, data=body, headers=headers, timeout=10)
        accepted[incident] = time.time()
        answer.raise_for_status()

    since, begin = time.time(), time.monotonic() + 0.2
    with ThreadPoolExecutor(_SENDERS) as senders:
        sent = [senders.submit(post, number, begin + number / per_second) for number in range(len(ways))]
        for sending in sent:
            sending.result()
    wait_for("every note", lambda: accepted.keys() <= notes.received(stack, since).keys())
    got = notes.received(stack, since)
    return [got[incident] - at for incident, at in accepted.items()]


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
