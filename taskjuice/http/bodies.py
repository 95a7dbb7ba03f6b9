"""Request bodies, received by the event loop with a deadline, a minimum rate, and bounds on number and bytes.

Measured: with 100 stalled senders a page takes as long as with none (tests/flows/test_stalled.py).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from taskjuice.http.refused import Refused, busy, too_large, too_slow

LONGEST_SECONDS = 20.0
# On average after GRACE_SECONDS; a mobile network is many times faster.
LEAST_BYTES_A_SECOND = 1000
GRACE_SECONDS = 4.0
MOST_AT_ONCE = 256
MOST_OF_ONE_ADDRESS = 128
MOST_BYTES_HELD = 64 * 1024 * 1024
# A body up to this length is read in one call: each chunk costs another turn of the loop.
_SHORT_BYTES = 8 * 1024
_LOOKS_EVERY = 0.5


@dataclass(eq=False)
class _Body:
    address: str
    began: float
    task: Any
    got: bytearray = field(default_factory=bytearray)
    too_slow: bool = False
    # Length of a body that is read in one call, which shows no progress.
    at_once: int = 0
    # Number of empty chunks. The server ends a body with one; two mean that the client closed the connection.
    breaks: int = 0

    def is_too_slow(self, now: float) -> bool:
        took, arrived = now - self.began, self.at_once or len(self.got)
        return took > LONGEST_SECONDS or (took > GRACE_SECONDS and arrived < took * LEAST_BYTES_A_SECOND)


class Bodies:
    """All bodies that this process is receiving. largest: bytes, the largest that any view accepts."""

    def __init__(self, *, largest: int) -> None:
        self.largest = largest
        self._arriving: set[_Body] = set()
        self._of_address: Counter[str] = Counter()
        self._held = 0
        self._watching = False

    async def receive(self, protocol: Any, *, declared: int | None, address: str) -> bytes:
        """Return the whole body, to be released. Raise Refused: too large, too slow, too many at once, cut short."""
        if declared is not None and declared > self.largest:
            raise too_large()
        self._admit(address)
        loop = asyncio.get_running_loop()
        body = _Body(address, loop.time(), asyncio.current_task())
        self._arriving.add(body)
        self._of_address[address] += 1
        if not self._watching:
            self._watching = True
            loop.call_later(_LOOKS_EVERY, self._watch, loop)
        try:
            await self._read(body, protocol, declared)
        except asyncio.CancelledError:
            if body.too_slow:
                raise too_slow() from None
            raise
        finally:
            self._forget(body)
        if body.breaks > 1 or (declared is not None and len(body.got) < declared):
            raise Refused(400, "body_cut_short", "The body of the request broke off before its end.")
        self._held += len(body.got)
        return bytes(body.got)

    def release(self, length: int) -> None:
        """Subtract a received body from the bytes held, once it is processed."""
        self._held -= length

    async def _read(self, body: _Body, protocol: Any, declared: int | None) -> None:
        if declared is not None and declared <= _SHORT_BYTES:
            body.at_once = declared
            try:
                self._hold(body, await protocol())
            except ProtocolClosed:
                body.breaks = 2
            return
        async for chunk in protocol:
            body.breaks += not chunk
            self._hold(body, chunk)
            if len(body.got) > self.largest:
                raise too_large()

    def _hold(self, body: _Body, chunk: bytes) -> None:
        body.got += chunk
        self._held += len(chunk)
        if self._held > MOST_BYTES_HELD:
            raise busy()

    def _admit(self, address: str) -> None:
        if len(self._arriving) >= MOST_AT_ONCE or self._of_address[address] >= MOST_OF_ONE_ADDRESS:
            raise busy()

    def _forget(self, body: _Body) -> None:
        self._arriving.discard(body)
        self._held -= len(body.got)
        self._of_address[body.address] -= 1
        if self._of_address[body.address] <= 0:
            del self._of_address[body.address]

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel bodies that are too slow; reschedule while any arrives."""
        now = loop.time()
        for body in list(self._arriving):
            if body.is_too_slow(now):
                body.too_slow = True
                body.task.cancel()
        self._watching = bool(self._arriving)
        if self._watching:
            loop.call_later(_LOOKS_EVERY, self._watch, loop)
