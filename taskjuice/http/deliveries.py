"""What the gateway asks of whoever knows deliveries."""

from collections.abc import Callable
from typing import Any, Protocol

# Status, headers and body.
Answer = tuple[int, list[tuple[str, str]], bytes]


class Deliveries(Protocol):
    """What can be said and done about deliveries before the application is asked."""

    def concern(self, path: str) -> bool:
        """Whether it is the path of one; such requests may be answered 503 while a thread is busy with them."""

    def known(self, environ: dict[str, Any]) -> bool:
        """Whether the body is wanted, as far as can be said at once."""

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Whether the body is wanted; may ask the database. Without it, the application answers why not."""

    def begin(self, environ: dict[str, Any], body: bytes, then: Callable[[Answer | None], None]) -> float:
        """Have it stored without a thread; asks nothing. Return how many seconds to wait for it, 0: not begun.

        `then` is called once, from any thread, with the answer to give. None, and when nothing is begun or the seconds
        are over: the application is to take it.
        """
