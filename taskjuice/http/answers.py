"""Run a WSGI application for one request and pass its response to the server."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError

from core.db import lending
from taskjuice.http.refused import busy
from taskjuice.http.threads import Job

log = structlog.get_logger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# How long a reader of a streamed response may block its thread; more bytes earn more time.
_READER_SECONDS = 30.0
_LEAST_BYTES_A_SECOND = 1000
_BROKEN = (500, [("Content-Type", "text/plain")], b"Something broke on our side; it is on record.")


def answer(
    application: Application,
    environ: dict[str, Any],
    protocol: Any,
    job: Job,
    streams: threading.Semaphore,
) -> None:
    """Run the application in a thread. The server sends whole responses, so their slow readers hold no thread.

    streams: limits the threads that stream responses; each is held for as long as its reader takes.
    """
    status, headers, broken = _BROKEN

    def start_response(line: str, given: list[tuple[str, str]], exc_info: Any = None) -> None:
        nonlocal status, headers
        status, headers = int(line.partition(" ")[0]), given

    try:
        result = application(environ, start_response)
    except (OperationalError, InterfaceError):
        log.exception("database_away")
        status, headers, broken = busy().answer(environ["PATH_INFO"])
        result = [broken]
    except Exception:
        log.exception("application_failed")
        result = [broken]
    try:
        try:
            rest = iter(result)
            first = next(rest, b"")  # a generator calls start_response only now
            body = None if _is_streamed(result, headers) else b"".join((first, *rest))
        except Exception:
            log.exception("application_failed")
            status, headers, body = _BROKEN
        if not job.may_answer():
            return
        if body is not None:
            protocol.response_bytes(status, headers, body)
        elif streams.acquire(blocking=False):
            try:
                _stream(chain((first,), rest), protocol.response_stream(status, headers), job.results.loop)
            finally:
                streams.release()
        else:
            protocol.response_bytes(*busy().answer(environ["PATH_INFO"]))
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _is_streamed(result: Iterable[bytes], headers: list[tuple[str, str]]) -> bool:
    # Django's responses have the attribute.
    if isinstance(result, list) or not getattr(result, "streaming", True):
        return False
    return not any(name.lower() == "content-length" for name, _ in headers)


def _stream(pieces: Iterable[bytes], transport: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Send piece by piece in this thread: the generator may use this thread's database connection."""

    async def send(piece: bytes) -> None:
        await transport.send_bytes(piece)

    left = _READER_SECONDS
    for piece in pieces:
        left += len(piece) / _LEAST_BYTES_A_SECOND
        lending.give_back()
        began = time.monotonic()
        sent = asyncio.run_coroutine_threadsafe(send(piece), loop)
        try:
            sent.result(min(left, _READER_SECONDS))
        except Exception as error:  # noqa: BLE001 - the reader is gone or asleep; servers raise different errors
            sent.cancel()
            log.info("stream_broken_off", error=type(error).__name__)
            return
        left -= time.monotonic() - began
