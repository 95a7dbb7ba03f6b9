"""The way to a hook's address: connections that can be cut, and that lead to public addresses alone.

Each connection looks the name up, judges every address, and tries the public ones in turn: an address that was judged
is the address that is connected to.
"""

import http.client
import socket
import threading
import time
from typing import Any

from django.conf import settings
from requests.adapters import HTTPAdapter
from requests_hardened.client import HTTPSession
from requests_hardened.config import Config
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import connection as urllib3_connection

from workflows.outgoing.transport import address

_CONNECT_SECONDS = 10.0
_ONE_ADDRESS_SECONDS = 6.0
_MOST_ADDRESSES = 8
_MOST_INTERIM = 20


class NoConnection(Exception):
    """No connection was made. code: a key of transport.failures.ERRORS. Not an OSError, which urllib3 wraps."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Line:
    """The connections of one exchange, which another thread may cut. A cut line lets no connection begin."""

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
        """End the pending operation at once."""
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

    def connect(self, host: str, port: int, options: Any) -> socket.socket:
        """A connection to the first address of `host` that takes one. Raises NoConnection."""
        addresses = _judged(host, port)[:_MOST_ADDRESSES]
        end = time.monotonic() + _CONNECT_SECONDS
        refused = True
        for number, one in enumerate(addresses):
            self.check()
            share = (end - time.monotonic()) / (len(addresses) - number)
            seconds = max(0.1, min(_ONE_ADDRESS_SECONDS, share))
            try:
                return self.hold(
                    urllib3_connection.create_connection((one, port), seconds, socket_options=options)
                )
            except OSError as error:
                refused = refused and isinstance(error, ConnectionRefusedError)
        self.check()
        raise NoConnection("connection_refused" if refused else "unreachable")


def _judged(host: str, port: int) -> list[str]:
    """The addresses of the name that may be connected to, in the resolver's order. Raises NoConnection."""
    try:
        answers = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoConnection("no_such_name") from None
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not found:
        raise NoConnection("no_such_name")
    public = found if settings.HOOKS_ALLOW_PRIVATE else [one for one in found if address.is_public(one)]
    if not public:
        raise NoConnection("not_public")
    return public


class _FinalAnswer(http.client.HTTPResponse):
    """An answer without the interim ones before it: http.client skips 100 alone (RFC 9110, 15.2)."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200 or status == 101:
                return version, status, reason
            http.client._read_headers(self.fp)  # type: ignore[attr-defined]
        raise http.client.HTTPException("got more than enough interim answers")


def _pools(line: Line) -> dict[str, Any]:
    """urllib3's pools, with connections that `line` makes and holds."""

    class Plain(HTTPConnection):
        response_class = _FinalAnswer

        def _new_conn(self) -> socket.socket:
            return line.connect(self._dns_host, self.port or 80, self.socket_options)

    class Secure(HTTPSConnection):
        response_class = _FinalAnswer

        def _new_conn(self) -> socket.socket:
            return line.connect(self._dns_host, self.port or 443, self.socket_options)

    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
    }


def session_on(line: Line, seconds: float) -> HTTPSession:
    """For one exchange of at most so many seconds, to public addresses alone.

    No redirect is followed, and no proxy or .netrc of the environment is used.
    """
    config = Config(
        ip_filter_enable=False,  # it knows one address of a name; ours (_judged) knows them all
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=seconds,
        user_agent_override="TaskJuice-Hooks/1",
    )
    session = HTTPSession(config)
    session.trust_env = False
    session.adapters.clear()
    for scheme in ("https://", "http://") if settings.HOOKS_ALLOW_PRIVATE else ("https://",):
        adapter = HTTPAdapter()
        adapter.poolmanager.pool_classes_by_scheme = _pools(line)
        session.mount(scheme, adapter)
    return session
