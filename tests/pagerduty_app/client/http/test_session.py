"""The session that requests leave by, against a server that misbehaves."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connections.grants.registry import AppCredentials, RefreshFailed
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.http import transport
from pagerduty_app.oauth import identity, tokens


class Misbehaving(BaseHTTPRequestHandler):
    """Sets a cookie, and redirects with a body of 40 MB."""

    cookies: list[str | None] = []

    def do_GET(self) -> None:
        self.cookies.append(self.headers.get("Cookie"))
        large = "/incidents/PLARGE" in self.path
        self.send_response(302 if large else 404)
        self.send_header("Set-Cookie", "tenant=a; Path=/")
        self.send_header("Location", "http://[bad")
        self.send_header("Content-Length", str(40_000_000 if large else 2))
        self.end_headers()
        try:
            for _ in range(40 if large else 0):
                self.wfile.write(b"x" * 1_000_000)
            self.wfile.write(b"" if large else b"{}")
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    Misbehaving.cookies = []
    yield Api(f"http://127.0.0.1:{server.server_port}", "token", lambda: None)
    server.shutdown()
    server.server_close()


def refused(api: Api, some_id: str) -> PagerDutyError:
    with pytest.raises(PagerDutyError) as raised:
        api.get_incident(some_id)
    return raised.value


def test_no_cookie_goes_from_one_answer_to_the_next_request(api: Api) -> None:
    refused(api, "P1")
    refused(api, "P2")

    assert Misbehaving.cookies == [None, None]


def test_a_redirects_body_is_bounded_like_any_other(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_LARGEST_ANSWER", 1_000_000)

    assert "more than" in refused(api, "PLARGE").message


@pytest.mark.parametrize("seconds", [30.0, -1.0])
def test_a_request_leaves_in_its_time_or_not_at_all(api: Api, seconds: float) -> None:
    """A process may be stopped right before it sends; another has sent the same by the time it goes on."""
    api._http._on_request = lambda: time.monotonic() + seconds

    error = refused(api, "P1")

    in_time = seconds > 0
    assert (error.status, len(Misbehaving.cookies)) == ((404, 1) if in_time else (None, 0))
    assert not error.outcome_unknown
    assert in_time or (error.retryable and "not sent in time" in str(error))


def test_a_refresh_token_leaves_in_its_time_or_not_at_all(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have used it, and the provider may end a grant whose token comes twice."""
    settings.PAGERDUTY_IDENTITY_URL = api._http._base_url
    app = AppCredentials("client", "secret")
    with pytest.raises(RefreshFailed, match="501"):  # it reached the server, which knows no POST
        tokens.refresh("refresh-1", app)
    monkeypatch.setattr(identity, "_LEAVES_WITHIN", -1.0)

    with pytest.raises(RefreshFailed, match="not sent in time"):
        tokens.refresh("refresh-1", app)
