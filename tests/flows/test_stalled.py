"""Clients that begin a request and never end it, over sockets, against the running product."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pagerduty_app import signatures
from taskjuice.http import bodies
from tests.flows.running import Product

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("stalled")]

STALLED = 100
_LENGTH = "Content-Length: 100000\r\n\r\nabc"
_SHORT = "Content-Length: 50\r\n\r\nabc"
_CHUNKED = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.fixture
def stalled(product: Product) -> Iterator[Any]:
    """stalled(path, rest, *headers): a connection that has sent the beginning of a POST."""
    with ExitStack() as kept:

        def begin(path: str, rest: str, *headers: str) -> socket.socket:
            line = kept.enter_context(socket.create_connection(("127.0.0.1", product.port), timeout=30))
            lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{product.port}", *headers, rest]
            line.sendall("\r\n".join(lines).encode())
            return line

        yield begin


def status_of(line: socket.socket) -> int:
    """The status of the answer, or 0 where the connection ends without one."""
    head = line.recv(65536)
    return int(head.split()[1]) if head else 0


def deliver(product: Product, trigger: dict[str, Any]) -> int:
    event = {"id": uuid.uuid4().hex, "event_type": "incident.triggered", "data": {"title": "Down"}}
    body = json.dumps({"event": event}).encode()
    signed = {"X-PagerDuty-Signature": signatures.sign(body, trigger["secret"])}
    return product.http.post(trigger["url"], body, headers=signed, timeout=10).status_code


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/accounts/login/", _LENGTH),
        ("/api/v1/triggers/", _CHUNKED),
        ("/hooks/pagerduty/known", _LENGTH),
        ("/hooks/pagerduty/known", _CHUNKED),
    ],
)
def test_stalled_bodies_keep_nobody_waiting(
    product: Product, seed: dict[str, Any], stalled: Any, path: str, rest: str
) -> None:
    trigger = seed["triggers"]["pagerduty/incident-triggered"]
    headers = []
    if path.endswith("known"):
        path, headers = trigger["url"].removeprefix(product.url), ["X-PagerDuty-Signature: v1=" + "0" * 64]
    lines = [stalled(path, rest, *headers) for _ in range(STALLED)]

    assert product.http.get(f"{product.url}/healthz", timeout=2).status_code == 200
    assert product.http.get(f"{product.url}/accounts/login/", timeout=5).status_code == 200
    assert deliver(product, trigger) == 202
    assert {status_of(line) for line in lines} == {408}


@pytest.mark.parametrize("rest", [_LENGTH, _CHUNKED], ids=["length", "chunked"])
def test_the_body_of_an_unknown_address_is_not_waited_for(product: Product, stalled: Any, rest: str) -> None:
    signed = "X-PagerDuty-Signature: v1=" + "0" * 64
    lines = [stalled(f"/hooks/pagerduty/{uuid.uuid4()}", rest, signed) for _ in range(24)]
    assert {status_of(line) for line in lines} == {404}


@pytest.mark.parametrize("header", ["X-Other: 1", "X-PagerDuty-Signature: none"])
def test_a_body_that_nobody_signed_is_not_waited_for(
    product: Product, seed: dict[str, Any], stalled: Any, header: str
) -> None:
    path = seed["triggers"]["pagerduty/incident-triggered"]["url"].removeprefix(product.url)
    assert status_of(stalled(path, _LENGTH, header)) == 401


def test_more_bodies_than_are_taken_at_once_are_refused_at_once(product: Product, stalled: Any) -> None:
    most = bodies.MOST_OF_ONE_ADDRESS * 2  # by the two web processes
    lines = [stalled("/accounts/login/", _LENGTH) for _ in range(most + 20)]
    answers = [line.recv(65536) for line in lines]

    refused = [answer for answer in answers if b" 503 " in answer.partition(b"\r\n")[0]]
    assert len(refused) >= 20
    assert all(b"\r\nretry-after: 5\r\n" in answer.lower() for answer in refused)
    assert product.http.get(f"{product.url}/accounts/login/", timeout=5).status_code == 200


@pytest.mark.parametrize("rest", [_LENGTH, _SHORT, _CHUNKED], ids=["length", "short", "chunked"])
def test_a_body_that_is_cut_short_is_not_taken_for_whole(product: Product, stalled: Any, rest: str) -> None:
    before = product.log.stat().st_size
    line = stalled("/api/v1/triggers/", rest)
    line.shutdown(socket.SHUT_WR)
    assert status_of(line) in {0, 400}
    line.close()
    stalled("/api/v1/triggers/", rest).close()
    assert product.http.get(f"{product.url}/accounts/login/", timeout=5).status_code == 200
    assert "Traceback" not in product.log.read_text()[before:]


@pytest.mark.parametrize(
    "begins",
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000],
    ids=["http2", "headers"],
)
def test_what_could_be_kept_open_or_grow_is_ended_at_once(product: Product, begins: bytes) -> None:
    with socket.create_connection(("127.0.0.1", product.port), timeout=5) as line:
        line.sendall(begins)
        assert status_of(line) in {0, 400, 431}
