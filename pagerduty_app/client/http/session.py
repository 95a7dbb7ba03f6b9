"""The session for requests to PagerDuty: it keeps connections between requests, and nothing else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_thread = threading.local()


class TooLate(Exception):
    """Raised if a request was not sent, because the time in which it may leave was over."""


@contextmanager
def leaving_by(moment: float | None) -> Iterator[None]:
    """Send requests inside the block until that `time.monotonic()` only. Raises TooLate.

    It is looked at right before the bytes are sent: a process may be stopped anywhere before that, for any time, and
    what it was to send may have been sent by another process meanwhile.
    """
    _thread.leaving_by = moment
    try:
        yield
    finally:
        _thread.leaving_by = None


class _InTime(HTTPConnection):
    """A connection that sends nothing after that time."""

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        moment: float | None = getattr(_thread, "leaving_by", None)
        if moment is not None and time.monotonic() > moment:
            raise TooLate
        super().send(data)


class _TlsInTime(_InTime, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsInTime


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class PlainSession(requests.Session):
    """A session without proxies or passwords of the environment, without cookies, without redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: requests would otherwise read the whole body for a redirect that is not followed."""
        return
