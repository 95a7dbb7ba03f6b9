"""The webhook receiver: a provider's POST in, verdict out. Return 2xx only for what is stored.

Providers retry 5xx and time-outs, and some drop an event on any other 4xx or disable the subscription after a few. So
a genuine delivery never gets a 4xx, regardless of its type or content.
"""

from typing import NoReturn

import structlog
from django.db import Error
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import rate_counter
from core.crypto import Unreadable
from core.errors import Problem
from workflows import catalog
from workflows.inbox import limits, receive
from workflows.inbox.store import Verdict
from workflows.queue import metrics

log = structlog.get_logger(__name__)

_TRY_AGAIN_SECONDS = 30


class AnyCaseUuid:
    """A trigger's token in a URL: people and proxies write hexadecimal digits in either case."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        return value.lower()

    def to_url(self, value: object) -> str:
        return str(value)


class _AlwaysJson(BaseContentNegotiation):
    """Return JSON for any Accept header: PagerDuty would drop the event after a 406."""

    def select_parser(self, request: Request, parsers: object) -> NoReturn:
        raise AssertionError("The receiver reads the raw body.")

    def select_renderer(
        self, request: Request, renderers: object, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), "application/json"


class Receiver(APIView):
    """One trigger's incoming URL. No authenticators and no parsers, so the signed bytes stay untouched."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = ()
    throttle_classes = ()
    content_negotiation_class = _AlwaysJson
    http_method_names = ["post"]

    @extend_schema(exclude=True)
    def post(self, request: Request, provider: str, token: str) -> Response:
        try:
            integration = catalog.find_integration(provider)
            trigger = receive.find_trigger(provider, token) if integration else None
            if trigger is None or integration is None:
                raise Problem("unknown_url", "No trigger has this URL.", status=404)
            signature = request.headers.get(integration.signature_header)
            # Without a possible signature the body is not read (workflows.inbox.fast.event_loop).
            body = self._body(request) if integration.webhooks.looks_signed(signature) else b""
            verdict = receive.receive(trigger, body=body, signature=signature)
        except (Error, Unreadable) as error:
            log.exception("delivery_not_stored")
            metrics.DELIVERIES.labels("not_stored").inc()
            raise _later("not_stored", "The delivery could not be stored. Please resend it.") from error
        if verdict == Verdict.REFUSED:
            self._slow_down(request, token)
            raise Problem("bad_signature", "The signature is missing or wrong.", status=401)
        if verdict == Verdict.FULL:
            raise _later(
                "holding_full", "Too many deliveries are waiting for a signing secret. Please resend it."
            )
        return Response({"status": verdict}, status=202)

    def _slow_down(self, request: Request, token: str) -> None:
        """Rate-limit wrong signatures per URL and client address. Genuine deliveries never come here, so none waits.

        Raise Problem (429). A provider that signs with an old secret retries after a 429, but not after a 401.
        """
        source = f"refused:{token}:{request.META.get('REMOTE_ADDR')}"
        wait = rate_counter.too_often(source, most=limits.MAX_REFUSED, seconds=60)
        if wait is not None:
            message = "Too many invalid signatures from this address."
            raise Problem("throttled", message, status=429, retryable=True, retry_after=wait)

    def _body(self, request: Request) -> bytes:
        """Return the raw body. Raise Problem (413) without reading on when it exceeds the limit."""
        declared = request.META.get("CONTENT_LENGTH") or ""
        too_large = declared.isdigit() and int(declared) > limits.MAX_BODY
        body = b"" if too_large else request._request.read(limits.MAX_BODY + 1)
        if too_large or len(body) > limits.MAX_BODY:
            raise Problem("body_too_large", f"At most {limits.MAX_BODY} bytes.", status=413)
        return body


def _later(code: str, message: str) -> Problem:
    return Problem(code, message, status=503, retryable=True, retry_after=_TRY_AGAIN_SECONDS)
