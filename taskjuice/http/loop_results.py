"""Set results of an event loop's futures from other threads."""

import asyncio
import threading
from contextlib import suppress
from typing import Any


class LoopResults:
    """Results for one loop. All that arrive while it is busy share one wake-up, since each is a write to a pipe."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: list[tuple[asyncio.Future[Any], Any]] = []
        self._lock = threading.Lock()

    def set(self, future: "asyncio.Future[Any]", result: Any) -> None:
        """Set the result of a future of the loop, unless it has one; call it from any thread."""
        with self._lock:
            self._waiting.append((future, result))
            if len(self._waiting) > 1:
                return
        with suppress(RuntimeError):  # the loop is closed because the process ends
            self.loop.call_soon_threadsafe(self._set_all)

    async def wait(self, future: "asyncio.Future[Any]", *, within: float) -> Any:
        """Return the result of the future, or None after `within` seconds."""
        timer = self.loop.call_later(within, _set, future, None)
        try:
            return await future
        finally:
            timer.cancel()

    def _set_all(self) -> None:
        with self._lock:
            arrived, self._waiting = self._waiting, []
        for future, result in arrived:
            _set(future, result)


def _set(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
