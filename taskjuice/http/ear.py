"""Where other threads tell an event loop what has come of what it waits for."""

import asyncio
import threading
from contextlib import suppress
from typing import Any


class Ear:
    """Of one loop. All that is told while the loop is busy wakes it once: each wake-up is a write to a pipe."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._told: list[tuple[asyncio.Future[Any], Any]] = []
        self._lock = threading.Lock()

    def tell(self, future: "asyncio.Future[Any]", result: Any) -> None:
        """From any thread: give a future of the loop its result, unless it has one."""
        with self._lock:
            self._told.append((future, result))
            if len(self._told) > 1:
                return
        with suppress(RuntimeError):  # the loop is closed: the process ends
            self.loop.call_soon_threadsafe(self._hear)

    async def hear(self, future: "asyncio.Future[Any]", *, within: float) -> Any:
        """Return what is told of it; None after that many seconds."""
        timer = self.loop.call_later(within, _give, future, None)
        try:
            return await future
        finally:
            timer.cancel()

    def _hear(self) -> None:
        with self._lock:
            told, self._told = self._told, []
        for future, result in told:
            _give(future, result)


def _give(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
