"""In front of Django: deliveries that need none of it. All others, and all that goes wrong, are Django's.

What Django does for a page costs ten times what it takes to store a delivery. Its checks of the host and of https are
kept here: where one does not pass, Django answers.
"""

import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.db import connection
from django.http.request import split_domain_port, validate_host

from connections import wall
from connections.postgresql import patience
from pagerduty_app import signatures
from pagerduty_app.receiver import AnyCaseUuid
from workflows import inbox
from workflows.intake import known, straight

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_URL = re.compile(rf"/hooks/pagerduty/({AnyCaseUuid.regex})/?")
_MOST_HOSTS = 100
# PagerDuty waits for five, and takes what comes later for a failure that it repeats.
_STORE_WITHIN_SECONDS = 4.0
_PREFIX = "/hooks/"


class StraightIn:
    """A WSGI application around Django's."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._hosts: set[str] = set()
        self._headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]
        if settings.SECURE_HSTS_SECONDS:
            age = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            self._headers.append(("Strict-Transport-Security", age))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(_PREFIX):
            with patience.of_one_request(_STORE_WITHIN_SECONDS):
                return self._take(environ, start_response)
        with patience.of_one_request():
            return self.application(environ, start_response)

    def _take(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        url = _URL.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
        length = environ.get("CONTENT_LENGTH") or ""
        if (
            url is None
            or not self._is_ours(environ)
            or not length.isdecimal()
            or int(length) > inbox.MAX_BODY
        ):
            return self.application(environ, start_response)
        body = environ["wsgi.input"].read(int(length))
        signature = environ.get("HTTP_X_PAGERDUTY_SIGNATURE")
        verdict = straight.take("pagerduty", url[1].lower(), body=body, signature=signature)
        if verdict is None:
            return self.application({**environ, "wsgi.input": BytesIO(body)}, start_response)
        answer = b'{"status":"%b"}' % verdict.encode()
        start_response("202 Accepted", [*self._headers, ("Content-Length", str(len(answer)))])
        return [answer]

    def _is_ours(self, environ: dict[str, Any]) -> bool:
        """Whether Django would let it through (CommonMiddleware, SecurityMiddleware)."""
        if settings.SECURE_SSL_REDIRECT and environ.get("HTTP_X_FORWARDED_PROTO") != "https":
            return False
        host = environ.get("HTTP_HOST", "")
        if host in self._hosts:
            return True
        domain, _ = split_domain_port(host)
        if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
            return False
        if len(self._hosts) < _MOST_HOSTS:
            self._hosts.add(host)
        return True


class Ahead:
    """What the gateway asks before it reads the body of a delivery (taskjuice.http.gateway.Deliveries).

    An address that is none of ours, and a request that nobody has signed, are answered without their body.
    """

    def concern(self, path: str) -> bool:
        return path.startswith(_PREFIX)

    def known(self, environ: dict[str, Any]) -> bool:
        """Whether its trigger was seen lately; asks nothing."""
        url = _URL.fullmatch(environ["PATH_INFO"])
        return url is not None and known.is_kept(url[1].lower()) and _may_be_signed(environ)

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Raises django.db.Error."""
        url = _URL.fullmatch(environ["PATH_INFO"])
        if url is None or environ["REQUEST_METHOD"] != "POST" or not _may_be_signed(environ):
            return False
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        with wall.opened(), patience.of_one_request(_STORE_WITHIN_SECONDS):
            return inbox.find_trigger("pagerduty", url[1]) is not None


def _may_be_signed(environ: dict[str, Any]) -> bool:
    return signatures.looks_signed(environ.get("HTTP_X_PAGERDUTY_SIGNATURE"))
