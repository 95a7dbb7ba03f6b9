"""Bodies that come without a Content-Length (in chunks, or by HTTP/2): Django would take them for empty."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Measured:
    """A WSGI application in front of which such bodies are read and measured.

    largest: bytes, the most that any view takes. One more is read than that, so that the view answers 413 itself.
    """

    def __init__(self, application: Application, *, largest: int) -> None:
        self.application = application
        self.largest = largest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH"):
            return self.application(environ, start_response)
        # Only a server that says so ends the stream with the body; from others nothing can be read.
        if environ.get("wsgi.input_terminated"):
            body = self._read(environ["wsgi.input"])
            environ = {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        elif environ.get("HTTP_TRANSFER_ENCODING"):
            start_response("411 Length Required", [("Content-Type", "application/json")])
            return [b'{"error": {"code": "length_required", "message": "Send a Content-Length."}}']
        return self.application(environ, start_response)

    def _read(self, stream: Any) -> bytes:
        body = bytearray()
        while len(body) <= self.largest and (chunk := stream.read(self.largest + 1 - len(body))):
            body += chunk
        return bytes(body)
