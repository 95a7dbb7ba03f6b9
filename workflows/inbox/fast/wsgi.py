"""In front of Django: deliveries that need none of it. All others, and all that goes wrong, are Django's.

What Django does for a page costs ten times what it takes to store a delivery.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from core.db.postgresql import patience
from core.web.url_prefixes import HOOKS
from workflows.inbox.fast import receive
from workflows.inbox.fast.request_checks import RequestChecks

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# PagerDuty waits for five, and takes what comes later for a failure that it repeats.
STORE_WITHIN_SECONDS = 4.0
# Set in the environ of a delivery that was tried in the event loop already: the rest is up to Django.
TRIED = "taskjuice.fast_path_tried"


class FastPathMiddleware:
    """A WSGI application around Django's."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._checks = RequestChecks()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(HOOKS):
            with patience.of_one_request(STORE_WITHIN_SECONDS):
                return self._take(environ, start_response)
        with patience.of_one_request():
            return self.application(environ, start_response)

    def _take(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        address = None if TRIED in environ else self._checks.address_of(environ)
        if address is None:
            return self.application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        signature = address.signature_in(environ)
        verdict = receive.take(address.integration.key, address.token, body=body, signature=signature)
        if verdict is None:
            return self.application({**environ, "wsgi.input": BytesIO(body)}, start_response)
        headers, answer = self._checks.answer(verdict)
        start_response("202 Accepted", headers)
        return [answer]
