"""Bodies as clients really send them, over a socket: in chunks, too large, and what is no HTTP."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pagerduty_app import signatures
from tests.flows.running import Product
from workflows.inbox.limits import MAX_BODY

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("product")]


def answer_to(product: Product, path: str, chunks: list[bytes], headers: dict[str, str]) -> tuple[int, Any]:
    """Status and JSON of the answer to a POST sent chunk by chunk, without a Content-Length."""
    head = {"Host": f"127.0.0.1:{product.port}", "Content-Type": "application/json", "Connection": "close"}
    lines = [
        f"{name}: {value}" for name, value in (head | headers | {"Transfer-Encoding": "chunked"}).items()
    ]
    with socket.create_connection(("127.0.0.1", product.port), timeout=20) as connection:
        connection.sendall("\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode())
        try:
            for chunk in [*chunks, b""]:
                connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        except ConnectionError:
            pass  # it may answer and close before everything is sent
        got = b""
        while more := connection.recv(65536):
            got += more
    status, _, rest = got.partition(b"\r\n")
    body = rest.partition(b"\r\n\r\n")[2]
    return int(status.split()[1]), json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


def pieces(body: bytes, size: int = 1000) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def test_a_signed_delivery_in_chunks_is_accepted(product: Product, seed: dict[str, Any]) -> None:
    trigger = seed["triggers"]["pagerduty/incident-triggered"]
    event = {"id": "CHUNKED", "event_type": "incident.triggered", "data": {"title": "x" * 5000}}
    body = json.dumps({"event": event}).encode()
    path = trigger["url"].removeprefix(product.url)
    signed = {"X-PagerDuty-Signature": signatures.sign(body, trigger["secret"])}

    assert answer_to(product, path, list(pieces(body)), signed) == (202, {"status": "accepted"})
    assert answer_to(product, path, list(pieces(body, 7)), signed) == (202, {"status": "duplicate"})


@pytest.mark.parametrize("size", [MAX_BODY + 1, 3 * 1024 * 1024])
def test_a_delivery_in_chunks_is_bounded(product: Product, seed: dict[str, Any], size: int) -> None:
    path = seed["triggers"]["pagerduty/incident-triggered"]["url"].removeprefix(product.url)

    seems_signed = {"X-PagerDuty-Signature": "v1=" + "0" * 64}
    status, answer = answer_to(product, path, list(pieces(b"x" * size, 65536)), seems_signed)

    assert (status, answer["error"]["code"]) == (413, "body_too_large")


def test_an_api_request_in_chunks_is_read(product: Product, seed: dict[str, Any]) -> None:
    body = json.dumps({"query": "Payments"}).encode()
    path = f"/api/v1/connections/{seed['connection']}/actions/pagerduty/list-services/"

    status, answer = answer_to(product, path, [body], {"Authorization": f"Bearer {seed['api_key']}"})

    assert (status, [row["name"] for row in answer["output"]["services"]]) == (200, ["Payments"])


def test_an_api_request_in_chunks_is_bounded(product: Product, seed: dict[str, Any]) -> None:
    path = f"/api/v1/connections/{seed['connection']}/actions/pagerduty/list-services/"
    body = json.dumps({"query": "x" * 2 * 1024 * 1024}).encode()

    status, answer = answer_to(
        product, path, list(pieces(body, 65536)), {"Authorization": f"Bearer {seed['api_key']}"}
    )

    assert (status, answer["error"]["code"]) == (413, "body_too_large")
