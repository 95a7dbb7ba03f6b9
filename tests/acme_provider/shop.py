"""Acme's own OAuth server: a consent page that agrees at once, and a token endpoint."""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.acme_provider.provider import APP


class Shop:
    """Runs inside `with`. error: with which the consent page sends people back. name: of the shop that consents."""

    def __init__(self) -> None:
        self.apps = {APP.client_id: APP.client_secret}
        self.error = ""
        self.name = "acme-shop"
        self.issued = 0
        self._asked: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def consent(self, asked: dict[str, str]) -> str:
        """Return where the browser goes next."""
        self._asked[code := f"code-{len(self._asked)}"] = asked
        said = {"error": self.error} if self.error else {"code": code}
        return f"{asked['redirect_uri']}?{urlencode(said | {'state': asked['state']})}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.apps.get(form["client_id"]) != form["client_secret"]:
            return 401, {"error": "invalid_client"}
        asked = {} if "refresh_token" in form else self._asked.pop(form["code"], None)
        if asked is None or (asked and not _same(asked, form)):
            return 400, {"error": "invalid_grant"}
        self.issued += 1
        return 200, {
            "access_token": f"shop-access-{self.issued}",
            "refresh_token": f"shop-refresh-{self.issued}",
            "scope": asked.get("scope", "orders:read orders:write").replace(" ", ","),
            "expires_in": 3600,
            "shop": {"id": self.name.upper(), "name": self.name, "owner": "U1"},
        }


def _same(asked: dict[str, str], form: dict[str, str]) -> bool:
    """Return whether the code is exchanged by the app and browser that asked for it."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["verifier"].encode()).digest()).decode()
    given = form["client_id"], form["redirect_uri"], challenge.rstrip("=")
    return given == (asked["client_id"], asked["redirect_uri"], asked["code_challenge"])


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", shop.consent(dict(parse_qsl(urlsplit(self.path).query))))
            self.end_headers()

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, answer = shop.token(form)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
