"""Responses that the gateway gives itself, without Django."""

import json

from core.web.url_prefixes import Differs, prefixes

_SOFTWARE = prefixes(Differs.SOFTWARE)

Headers = list[tuple[str, str]]


class Refused(Exception):
    """A request that gets no thread. retry_after: seconds after which the same request may succeed."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def answer(self, path: str) -> tuple[int, Headers, bytes]:
        """Return status, headers and body, in the API's error shape for software."""
        headers = [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")]
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        if path.startswith(_SOFTWARE):
            error: dict[str, object] = {"code": self.code, "message": self.message}
            if self.retry_after is not None:
                error["retryable"] = True
            return self.status, [*headers, ("Content-Type", "application/json")], _json({"error": error})
        return self.status, [*headers, ("Content-Type", "text/plain; charset=utf-8")], self.message.encode()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def busy() -> Refused:
    return Refused(503, "busy", "The server is busy. Try again in a moment.", retry_after=5)


def too_large() -> Refused:
    return Refused(413, "body_too_large", "The request body is too large.")


def too_slow() -> Refused:
    return Refused(408, "body_too_slow", "The body of the request did not arrive in time.")


def too_late() -> Refused:
    """Return the refusal of a delivery that a thread still works on; a repeat of it is recognised."""
    return Refused(
        503, "not_stored", "The delivery was not stored in time. Please resend it.", retry_after=30
    )
