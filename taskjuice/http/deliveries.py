"""The interface by which the gateway stores deliveries without a thread."""

from collections.abc import Callable
from typing import Any, Protocol

# Status, headers and body.
Answer = tuple[int, list[tuple[str, str]], bytes]


class Deliveries(Protocol):
    """Decide about deliveries before the WSGI application runs."""

    def concern(self, path: str) -> bool:
        """Return whether the path is a delivery's; it may be answered 503 while a thread still works on it."""

    def known(self, environ: dict[str, Any]) -> bool:
        """Return whether the body must be read, judged from the cache alone."""

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Return whether the body must be read; may query the database. If not, the application refuses without it."""

    def begin(self, environ: dict[str, Any], body: bytes, then: Callable[[Answer | None], None]) -> float:
        """Start storing it without a thread or a query. Return the seconds to wait for it, 0 if it is not started.

        `then` is called once, from any thread, with the response, or None for the application to handle the delivery.
        The application also handles a delivery that is not started or not stored in time.
        """
