"""`python -m bench.sender`: post signed deliveries over kept connections as fast as they are answered.

It reads one JSON object from stdin ({"port", "connections", "ways": [[path, secret], …], "deliveries", "mark"}), signs
everything, prints `ready`, and starts at the next line. Then it prints {"seconds", "waits" (seconds), "statuses"}.
Python's HTTP clients take longer for a request than the receiver, so HTTP is spoken by hand.
"""

import json
import select
import socket
import sys
import time
from collections import Counter
from typing import Any

from pagerduty_app import signatures

_SILENCE = 30.0
_PERSON = {"id": "PUSER01", "type": "user_reference", "summary": "Dana Reyes", "self": None, "html_url": None}
_INCIDENT = {
    "type": "incident",
    "self": "https://api.pagerduty.com/incidents/PINC001",
    "html_url": "https://acme.pagerduty.com/incidents/PINC001",
    "number": 1234,
    "status": "triggered",
    "incident_key": "d3640fbd41094207a1c11e58e46b1662",
    "created_at": "2026-11-01T10:00:00Z",
    "title": "Payments are slow in eu-west-1: p99 over 2 s",
    "service": {"id": "PSVC001", "type": "service_reference", "summary": "Payments", "html_url": None},
    "assignees": [_PERSON],
    "escalation_policy": {"id": "PPOL001", "type": "escalation_policy_reference", "summary": "On call"},
    "teams": [{"id": "PTEAM01", "type": "team_reference", "summary": "Platform"}],
    "priority": {"id": "PPRI001", "type": "priority_reference", "summary": "P1"},
    "urgency": "high",
    "conference_bridge": None,
    "resolve_reason": None,
}


def body_of(name: str) -> bytes:
    """Return PagerDuty's payload for an incident with that title, at its usual length."""
    event = {
        "id": f"01{name}",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": "2026-11-01T10:00:00.000Z",
        "agent": _PERSON,
        "client": None,
        "data": {"id": name, **_INCIDENT},
    }
    return json.dumps({"event": event}).encode()


def request(port: int, path: str, secret: str, name: str) -> bytes:
    body = body_of(name)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"User-Agent: PagerDuty-Webhook/V3.0\r\nAccept: */*\r\nX-Webhook-Id: {name}\r\n"
        f"X-PagerDuty-Signature: {signatures.sign(body, secret)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sender:
    """A sender with one thread and many connections, one delivery at a time on each."""

    def __init__(self, port: int, connections: int, requests: list[bytes]) -> None:
        self.lines: dict[int, socket.socket] = {}
        self.poll = select.epoll()
        for _ in range(connections):
            line = socket.create_connection(("127.0.0.1", port), timeout=_SILENCE)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines[line.fileno()] = line
            self.poll.register(line.fileno(), select.EPOLLIN)
        self.requests = iter(requests)
        self.sent_at: dict[int, float] = {}
        self.waits: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.part: dict[int, bytes] = {}

    def run(self) -> float:
        """Send everything; return the seconds from the first request to the last response."""
        begin = time.perf_counter()
        for number in self.lines:
            self._send(number)
        while self.sent_at:
            ready = self.poll.poll(_SILENCE)
            if not ready:
                raise TimeoutError(f"{len(self.sent_at)} deliveries without an answer for {_SILENCE:.0f} s")
            for number, _ in ready:
                self._receive(number)
        return time.perf_counter() - begin

    def _send(self, number: int) -> None:
        request = next(self.requests, None)
        if request is not None:
            self.sent_at[number] = time.perf_counter()
            self.lines[number].sendall(request)

    def _receive(self, number: int) -> None:
        more = self.lines[number].recv(65536)
        if not more:
            raise ConnectionError("the server closed a connection")
        got = self.part.pop(number, b"") + more
        if not _whole(got):
            self.part[number] = got
            return
        self.waits.append(time.perf_counter() - self.sent_at.pop(number))
        self.statuses[got[9:12].decode()] += 1
        self._send(number)


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    if not length:
        raise ValueError(f"an answer of no length: {answer!r}")
    return len(body) >= int(length)


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    port: int = order["port"]
    ways: list[tuple[str, str]] = order["ways"]
    requests = []
    for number in range(order["deliveries"]):
        path, secret = ways[number % len(ways)]
        requests.append(request(port, path, secret, f"{order['mark']}{number:08d}"))
    sender = Sender(port, order["connections"], requests)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = sender.run()
    print(json.dumps({"seconds": seconds, "waits": sender.waits, "statuses": sender.statuses}))


if __name__ == "__main__":
    main()
