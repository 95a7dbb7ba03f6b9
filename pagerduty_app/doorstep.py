"""What both straight ways ask of a request before its body counts, and how they answer: as Django would."""

import re
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from pagerduty_app.receiver import AnyCaseUuid
from workflows.inbox import receive
from workflows.inbox.store import Verdict

PREFIX = "/hooks/"
_URL = re.compile(rf"{PREFIX}pagerduty/({AnyCaseUuid.regex})/?")
_MOST_HOSTS = 100


def token_in(path: str) -> str | None:
    """Return the token of a receiver's URL, as it is stored; None for any other path."""
    url = _URL.fullmatch(path)
    return None if url is None else url[1].lower()


class Doorstep:
    """Django's checks of the host and of https. Where one does not pass, Django answers."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]
        if settings.SECURE_HSTS_SECONDS:
            age = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            self._headers.append(("Strict-Transport-Security", age))

    def token_of(self, environ: dict[str, Any]) -> str | None:
        """Return the token of a delivery with a body of a length that is taken; None for what Django has to answer."""
        if environ["REQUEST_METHOD"] != "POST" or not self._is_ours(environ):
            return None
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdecimal() or int(length) > receive.MAX_BODY:
            return None
        return token_in(environ["PATH_INFO"])

    def answer(self, verdict: Verdict) -> tuple[list[tuple[str, str]], bytes]:
        """Return headers and body of a 202."""
        body = b'{"status":"%b"}' % verdict.encode()
        return [*self._headers, ("Content-Length", str(len(body)))], body

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
