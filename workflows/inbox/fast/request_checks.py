"""Checks that the fast path makes of a request before its body counts, and its answer: both as Django's would be."""

import re
from typing import Any, NamedTuple

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from core.web.url_prefixes import HOOKS
from workflows import catalog
from workflows.catalog import Integration
from workflows.inbox import limits
from workflows.inbox.store import Verdict
from workflows.inbox.webhook_view import AnyCaseUuid

_URL = re.compile(rf"{HOOKS}([a-z0-9_-]+)/({AnyCaseUuid.regex})/?")
_MOST_HOSTS = 100


class Address(NamedTuple):
    """The parts of a receiver's URL: the provider, and the token of the trigger as it is stored."""

    integration: Integration
    token: str

    def signature_in(self, environ: dict[str, Any]) -> str | None:
        """Return the signature header of the request."""
        name = self.integration.signature_header.upper().replace("-", "_")
        signature: str | None = environ.get(f"HTTP_{name}")
        return signature


def address_in(path: str) -> Address | None:
    """Return what the URL of a receiver names; None for any other path, and for providers that are not registered."""
    url = _URL.fullmatch(path)
    integration = catalog.find_integration(url[1]) if url else None
    return Address(integration, url[2].lower()) if url and integration else None


class RequestChecks:
    """Django's checks of the host and of https. If one fails, the request is left to Django."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]
        if settings.SECURE_HSTS_SECONDS:
            age = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            self._headers.append(("Strict-Transport-Security", age))

    def address_of(self, environ: dict[str, Any]) -> Address | None:
        """Return whose delivery it is, with a body of a length that is taken; None for what Django has to answer."""
        if environ["REQUEST_METHOD"] != "POST" or not self._is_ours(environ):
            return None
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdecimal() or int(length) > limits.MAX_BODY:
            return None
        return address_in(environ["PATH_INFO"])

    def answer(self, verdict: Verdict) -> tuple[list[tuple[str, str]], bytes]:
        """Return headers and body of a 202."""
        body = b'{"status":"%b"}' % verdict.encode()
        return [*self._headers, ("Content-Length", str(len(body)))], body

    def _is_ours(self, environ: dict[str, Any]) -> bool:
        """Return whether CommonMiddleware and SecurityMiddleware would let the request through."""
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
