"""Build the environ of a WSGI application (PEP 3333) from an RSGI scope."""

import sys
from io import BytesIO
from typing import Any

from taskjuice.http.refused import Refused

# Headers by which proxies describe their clients.
_FORWARDED = frozenset(("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"))
_NOT_HTTP = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES = 500
_names: dict[str, str] = {}


def environ_of(scope: Any, *, proxied: bool) -> dict[str, Any]:
    """Return the environ of a request, with an empty body.

    Header names with an underscore are left out: WSGI cannot tell them from the hyphenated ones that a proxy checked.
    Raise Refused (400) if a proxy is trusted (`proxied`) and the request names its sender twice.
    """
    address, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": address.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope.headers.items(), proxied=proxied)
    return environ


def _add_headers(environ: dict[str, Any], headers: list[tuple[str, str]], *, proxied: bool) -> None:
    for name, value in headers:
        if "_" in name:
            if proxied and name.replace("_", "-") in _FORWARDED:
                raise _ambiguous()
            continue
        key = _names.get(name) or _learn(name)
        if key not in environ:
            environ[key] = value
        elif proxied and name in _FORWARDED:
            raise _ambiguous()
        else:
            environ[key] += f"{'; ' if name == 'cookie' else ','}{value}"
    if proxied and len(set(environ.get("HTTP_X_FORWARDED_PROTO", "").replace(" ", "").split(","))) > 1:
        raise _ambiguous()


def _learn(name: str) -> str:
    key = _NOT_HTTP.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
    if len(_names) < _MOST_NAMES:
        _names[name] = key
    return key


def _ambiguous() -> Refused:
    return Refused(400, "ambiguous_headers", "The request names its sender more than once (X-Forwarded-…).")
