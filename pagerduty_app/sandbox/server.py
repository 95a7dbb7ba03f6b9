"""The sandbox's web server: Django's request handling without the product's settings for routes and middleware."""

import logging
import threading
from typing import Any, Self

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from pagerduty_app.sandbox.control.views import refused
from pagerduty_app.sandbox.refusals import Refused, invalid, not_found
from pagerduty_app.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)


class _Application(WSGIHandler):
    """The sandbox as a WSGI application."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """Load none of the product's middleware."""

    def get_response(self, request: HttpRequest) -> HttpResponse:
        try:
            _refuse_a_part(request)
            route = resolve(request.path_info, "pagerduty_app.sandbox.urls")
            answer: HttpResponse = route.func(request, *route.args, **route.kwargs)
        except Refused as error:
            answer = refused(error)
        except Resolver404:
            answer = refused(not_found())
        except Exception:
            log.exception("sandbox_error")
            answer = JsonResponse(
                {"error": {"message": "The sandbox broke", "code": 2000, "errors": []}}, status=500
            )
        answer["Content-Length"] = str(
            len(answer.content)
        )  # else the connection is closed after the response
        return answer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
        return super().__call__({**environ, "sandbox": self._sandbox}, start_response)


def _refuse_a_part(request: HttpRequest) -> None:
    """Raise Refused for a body that ends early: its sender was killed, and PagerDuty acts on whole requests only."""
    if len(request.body) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise invalid("The body ends before its Content-Length.")


class _Handler(WSGIRequestHandler):
    """A request handler without log lines that gives the application its socket, so that a fault can cut it."""

    disable_nagle_algorithm = True  # head and body are two packets; the second must not wait for an ACK

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "sandbox.connection": self.connection}

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the sandbox has its own request log."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    request_queue_size = 128


class SandboxServer:
    """A running sandbox and context manager. port 0: any free one, shown by `url`."""

    def __init__(self, *, port: int = 0, path: str = ":memory:", clients: dict[str, str]) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.sandbox = Sandbox(self.url, path, clients)
        self._server.set_app(_Application(self.sandbox))

    def serve(self) -> None:
        """Serve requests until `stop` is called from another thread."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        self._server.shutdown()

    def close(self) -> None:
        self._server.server_close()
        self.sandbox.close()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self.close()
