"""A PostgreSQL that hangs: connections stay open and nothing comes back. The product says so, in time."""

import json
import select
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from pagerduty_app import signatures
from tests.flows.running import Product, wait_for

pytestmark = [
    pytest.mark.flow,
    pytest.mark.xdist_group("hung"),
    pytest.mark.postgresql,  # SQLite is no server that could hang
]
_ANSWERED_WITHIN = 5.0


class Wire:
    """Between the product and its database; while it hangs it takes everything and passes nothing on."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._open = threading.Event()
        self._open.set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with suppress(OSError), near, socket.create_connection(self._to) as far:
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    self._open.wait()
                    some = ready.recv(65536)
                    if not some:
                        return
                    (far if ready is near else near).sendall(some)

    def close(self) -> None:
        self.go_on()
        self._listening.close()


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, Wire]]:
    running = Product(tmp_path_factory.mktemp("product"))
    there = urlsplit(running.database.url)
    wire = Wire((there.hostname or "127.0.0.1", there.port or 5432))
    who, at, _ = there.netloc.rpartition("@")
    running.env["DATABASE_URL"] = urlunsplit(there._replace(netloc=f"{who}{at}127.0.0.1:{wire.port}"))
    try:
        running.start()
        yield running, wire
    finally:
        wire.close()
        running.stop()


def test_a_hung_database_is_said_in_time(wired: tuple[Product, Wire]) -> None:
    product, wire = wired
    seed = product.seed()
    trigger = seed["triggers"]["pagerduty/incident-triggered"]

    def deliver(number: int) -> Any:
        event = {"id": f"HUNG{number}-{uuid.uuid4().hex}", "event_type": "incident.triggered", "data": {}}
        body = json.dumps({"event": event}).encode()
        signed = {"X-PagerDuty-Signature": signatures.sign(body, trigger["secret"])}
        return product.http.post(trigger["url"], body, headers=signed, timeout=_ANSWERED_WITHIN)

    assert deliver(0).status_code == 202
    wire.hang()
    with ThreadPoolExecutor(40) as senders:
        answers = list(senders.map(deliver, range(40)))
        asked = senders.submit(product.api, seed["api_key"], "GET", "workflows/")
        alive = [product.http.get(f"{product.url}/healthz", timeout=2).status_code for _ in range(5)]
        ready = product.http.get(f"{product.url}/readyz", timeout=10).status_code
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.json()["error"]["retryable"] and answer.headers["Retry-After"] for answer in answers)
    assert (set(alive), ready) == ({200}, 503)
    answer = asked.result()
    assert (answer.status_code, answer.json()["error"]["retryable"]) == (503, True)

    wire.go_on()
    wait_for("deliveries to be taken again", lambda: deliver(100).status_code == 202)
    assert product.api(seed["api_key"], "GET", "workflows/").status_code == 200
