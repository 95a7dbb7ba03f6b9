"""A sandbox of the tests' own, and a person's token for it."""

import hashlib
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.support.contract import Contract

CLIENT, CLIENT_SECRET = "sandbox-tests", "sandbox-tests-secret"
REDIRECT = "https://us.example/callback"
SIX = "incidents.read incidents.write services.read users.read schedules.read teams.read"


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(clients={CLIENT: CLIENT_SECRET}) as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer) -> Sandbox:
    server.sandbox.reset()
    server.sandbox.sender.longest_wait = 0.05
    return server.sandbox


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


class SignIn:
    """PagerDuty's sign-in, step by step; each step may be told to do something else."""

    def __init__(self, base_url: str, http: requests.Session) -> None:
        self.base_url, self.http = base_url, http
        self.verifier = secrets.token_urlsafe(48)

    def challenge(self) -> str:
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def asked(self, **changes: str) -> dict[str, str]:
        return {
            "client_id": CLIENT,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": f"openid {SIX}",
            "state": "a-state",
            "code_challenge": self.challenge(),
            "code_challenge_method": "S256",
        } | changes

    def decide(self, decision: str = "allow", user: str = "PUSER00", **changes: str) -> requests.Response:
        form = self.asked(**changes) | {"decision": decision, "user": user}
        return self.http.post(f"{self.base_url}/oauth/authorize", data=form, allow_redirects=False, timeout=5)

    def code(self, **changes: str) -> str:
        return parse_qs(urlsplit(self.decide(**changes).headers["Location"]).query)["code"][0]

    def token(self, **form: str) -> requests.Response:
        known = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
        return self.http.post(f"{self.base_url}/oauth/token", data=known | form, timeout=5)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        return self.token(**form | {"code_verifier": self.verifier} | changes)

    def refresh(self, refresh_token: str, **changes: str) -> requests.Response:
        return self.token(**{"grant_type": "refresh_token", "refresh_token": refresh_token} | changes)

    def tokens(self, **changes: str) -> dict[str, Any]:
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        got: dict[str, Any] = answer.json()
        return got


@pytest.fixture
def sign_in(server: SandboxServer, sandbox: Sandbox, http: requests.Session) -> SignIn:
    return SignIn(server.url, http)


Ask = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    return Contract.load_from_env()


@pytest.fixture
def ask(sign_in: SignIn, contract: Contract | None) -> Ask:
    """ask(method, path, json=…, sender=…, …) as Dana of acme; answers are held against PagerDuty's file if given."""
    token = sign_in.tokens(scope=f"openid {SIX} webhook_subscriptions.read webhook_subscriptions.write")

    def request(method: str, path: str, *, sender: str | None = "dana@acme.example", **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        if sender is not None:
            headers["From"] = sender
        headers |= kwargs.pop("headers", {})
        url = sign_in.base_url + path
        answer = sign_in.http.request(method, url, headers=headers, timeout=10, **kwargs)
        if contract and answer.status_code not in (405, 599):
            body = answer.json() if answer.content else None
            contract.check_response(method, path.partition("?")[0], answer.status_code, body)
        return answer

    return request


class Inbox:
    """A web server that PagerDuty delivers to. answers: status codes to give, in turn, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.news = threading.Condition()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with inbox.news:
                    inbox.got.append((dict(self.headers), body))
                    status = inbox.answers.pop(0) if inbox.answers else 202
                    inbox.news.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wait(self, count: int, seconds: float = 10.0) -> list[tuple[dict[str, str], bytes]]:
        """The deliveries so far, once there are `count`."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, seconds), f"only {len(self.got)} came"
            return list(self.got)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.stop()
