"""What stands between PagerDuty's deliveries and the product in a test: they wait here until the test lets them in."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client


class Relay:
    """The product's public address. answers: status codes that PagerDuty gets, in turn, then 202."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str, bytes]] = []
        self.answers: list[int] = []
        self._news = threading.Condition()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with relay._news:
                    status = relay.answers.pop(0) if relay.answers else 202
                    if status < 400:
                        signature = self.headers["X-PagerDuty-Signature"]
                        relay.waiting.append((self.path, signature, body))
                    relay._news.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def let_in(self, count: int, *, newest_first: bool = False) -> list[int]:
        """Hand `count` deliveries, once they are here, to the product; answers the status of each."""
        with self._news:
            came = self._news.wait_for(lambda: len(self.waiting) >= count, 10)
            assert came, f"only {len(self.waiting)} of {count} came"
            taken, self.waiting = self.waiting[:count], self.waiting[count:]
        ordered = reversed(taken) if newest_first else taken
        return [post(path, signature, body) for path, signature, body in ordered]

    def refused(self, count: int) -> None:
        """Wait until PagerDuty has been refused that often."""
        end = time.monotonic() + 10
        while len(self.answers) > count:
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def post(path: str, signature: str, body: bytes) -> int:
    answer = Client().post(
        path, body, content_type="application/json", headers={"X-PagerDuty-Signature": signature}
    )
    return int(answer.status_code)


@pytest.fixture
def relay(settings: Any) -> Iterator[Relay]:
    made = Relay()
    settings.PUBLIC_BASE_URL = made.url
    yield made
    made.stop()
