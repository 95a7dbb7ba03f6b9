"""One POST to a hook's address: never to anything but a public address, never longer than 15 seconds or 64 KB.

requests-hardened looks the name up once and connects to the address that it has judged; ours is stricter about which
are public. The time-out of a read begins anew with each byte, so a thread of its own makes the exchange, and whoever
waits for it cuts its connection when the time is over.
"""

import socket
import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests_hardened.client import HTTPSession
from requests_hardened.config import Config
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from connections.problems import Problem
from workflows.hooks import address

SECONDS = 15.0
MOST_BYTES = 64 * 1024
_CONNECT_SECONDS = 6.0
_PIECE = 8 * 1024


@dataclass(frozen=True)
class Outcome:
    """How an exchange ended. status: of the answer, None without one. error: "" for success, else a key of ERRORS."""

    status: int | None
    error: str
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.error


# What went wrong, in the words of the delivery log.
ERRORS = {
    "refused": "answered with a status other than 2xx",
    "redirected": "answered with a redirect, which is not followed: enter the final address",
    "timed_out": f"did not finish its answer within {SECONDS:.0f} seconds",
    "answer_too_long": f"answered with more than {MOST_BYTES // 1024} KB",
    "not_public": "the name leads to an address that is not public",
    "bad_address": "the address is not allowed any more",
    "bad_certificate": "the certificate of the server is not valid for this name",
    "unreachable": "no connection to the server",
    "broken_off": "the connection ended before the answer did",
    "unreadable_secret": "its signing secret cannot be opened here; ask whoever runs this server",
    "crashed": "the sender stopped in the middle of it",
    "content_gone": "what it was about is not there any more",
}


class _Line:
    """The connections of one exchange, which somebody else may cut. A cut line lets no connection begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.is_cut = False

    def check(self) -> None:
        if self.is_cut:
            raise OSError("The time for this exchange is over.")

    def hold(self, sock: socket.socket) -> socket.socket:
        """Remember the connection by a second handle: TLS takes the first one for itself."""
        with self._lock:
            if self.is_cut:
                sock.close()
            self.check()
            self._sockets.append(sock.dup())
        return sock

    def cut(self) -> None:
        """End whatever is being waited for, at once."""
        with self._lock:
            self.is_cut = True
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it has ended by itself

    def close(self) -> None:
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()


def _pools(line: _Line) -> dict[str, Any]:
    """urllib3's pools, with connections that `line` holds."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            line.check()
            return line.hold(super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            line.check()
            return line.hold(super()._new_conn())

    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
    }


class _PublicOnly(IPFilterAdapter):  # type: ignore[misc]
    """requests-hardened's, which pins the address it has judged; and that address must be public by our rule too."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(*args, **kwargs)
        pinned = str(host_params["host"]).strip("[]")
        if not address.is_public(pinned):
            raise InvalidIPAddress(pinned)
        return host_params, pool_kwargs


def _session(line: _Line) -> HTTPSession:
    """For one exchange: no proxy or .netrc of the environment, no redirect, no address that is not public."""
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(_CONNECT_SECONDS, SECONDS),
        user_agent_override="TaskJuice-Hooks/1",
    )
    session = HTTPSession(config)
    session.trust_env = False
    session.max_redirects = 0
    schemes: dict[str, HTTPAdapter] = {"https://": _PublicOnly(is_https_proto=True)}
    if settings.HOOKS_ALLOW_PRIVATE:  # development only
        schemes = {"https://": HTTPAdapter(), "http://": HTTPAdapter()}
    session.adapters.clear()
    for scheme, adapter in schemes.items():
        adapter.poolmanager.pool_classes_by_scheme = _pools(line)
        session.mount(scheme, adapter)
    return session


class Exchange:
    """One POST under way in its own thread, which puts it into `landed` at its end. It touches no database."""

    def __init__(
        self, url: str, headers: dict[str, str], body: bytes, landed: "SimpleQueue[Exchange]"
    ) -> None:
        self._url, self._headers, self._body, self._landed = url, headers, body, landed
        self._line = _Line()
        self._began = time.monotonic()
        self.outcome: Outcome | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="hook").start()

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self._began > SECONDS

    def cut(self) -> Outcome:
        """End it now. Its thread may go on for a moment, or longer in a resolver, but sends nothing more."""
        self._line.cut()
        self.outcome = self.outcome or self._ended(None, "timed_out")
        return self.outcome

    def _run(self) -> None:
        try:
            outcome = self._post()
        except Exception as error:  # noqa: BLE001 - whatever a server can provoke is a failed delivery
            outcome = self._ended(None, _code_of(error))
        finally:
            self._line.close()
        self.outcome = self.outcome or outcome
        self._landed.put(self)

    def _post(self) -> Outcome:
        try:
            address.check_form(self._url)
        except Problem:
            return self._ended(None, "bad_address")
        # No compression: what is counted is what came over the line.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **self._headers}
        with _session(self._line) as session:
            answer = session.post(self._url, data=self._body, headers=headers, stream=True)
            with answer:
                if answer.is_redirect or 300 <= answer.status_code < 400:
                    return self._ended(answer.status_code, "redirected")
                if not self._read(answer):
                    return self._ended(answer.status_code, "answer_too_long")
        return self._ended(answer.status_code, "" if 200 <= answer.status_code < 300 else "refused")

    def _read(self, answer: requests.Response) -> bool:
        """Take in the answer, and keep nothing of it. False when there is too much."""
        left = MOST_BYTES
        while piece := answer.raw.read(min(_PIECE, left + 1), decode_content=False):
            left -= len(piece)
            if left < 0:
                return False
        self._line.check()  # a connection that was cut looks like the end of an answer without a length
        return True

    def _ended(self, status: int | None, error: str) -> Outcome:
        if self._line.is_cut:
            error = "timed_out"
        return Outcome(status, error, time.monotonic() - self._began)


def _code_of(error: Exception) -> str:
    if isinstance(error, InvalidIPAddress):
        return "not_public"
    if isinstance(error, requests.exceptions.SSLError):
        return "bad_certificate"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "unreachable"
    if isinstance(error, requests.exceptions.Timeout):
        return "timed_out"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "unreachable"
    return "broken_off"
