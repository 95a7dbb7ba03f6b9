"""The way to a hook's address: connections that can be cut, and that lead to public addresses alone.

requests-hardened looks the name up once and connects to the address that it has judged; our rule of which are public
is stricter.
"""

import socket
import threading
from typing import Any

from django.conf import settings
from requests.adapters import HTTPAdapter
from requests_hardened.client import HTTPSession
from requests_hardened.config import Config
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from workflows.hooks import address

_CONNECT_SECONDS = 6.0


class Line:
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


def _pools(line: Line) -> dict[str, Any]:
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


def session_on(line: Line, seconds: float) -> HTTPSession:
    """For one exchange of at most so many seconds, to public addresses alone.

    No redirect is followed, and no proxy or .netrc of the environment is used.
    """
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(min(_CONNECT_SECONDS, seconds), seconds),
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
