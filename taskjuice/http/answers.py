"""Run a WSGI application for one request and hand its answer to the server."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import structlog

from taskjuice.http.threads import Job

log = structlog.get_logger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# How long a reader of a streamed answer may take for one piece of it before the thread is needed elsewhere.
_PIECE_SECONDS = 30.0


def answer(application: Application, environ: dict[str, Any], protocol: Any, job: Job) -> None:
    """Called in a thread. Whole answers are left to the server, so slow readers of them keep no thread busy."""
    status, headers = 500, [("Content-Type", "text/plain")]

    def start_response(line: str, given: list[tuple[str, str]], exc_info: Any = None) -> None:
        nonlocal status, headers
        status, headers = int(line.partition(" ")[0]), given

    try:
        result = application(environ, start_response)
    except Exception:
        log.exception("application_failed")
        result = [b"Something broke on our side; it is on record."]
    try:
        rest = iter(result)
        first = next(rest, b"")  # only now start_response is sure to have been called
        if isinstance(result, list) or any(name.lower() == "content-length" for name, _ in headers):
            body = b"".join((first, *rest))
            if job.may_answer():
                protocol.response_bytes(status, headers, body)
        elif job.may_answer():
            _stream(chain((first,), rest), protocol.response_stream(status, headers), job.loop)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _stream(pieces: Iterable[bytes], transport: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Piece by piece, all in this thread: what makes them may hold a connection to the database."""

    async def send(piece: bytes) -> None:
        await transport.send_bytes(piece)

    for piece in pieces:
        sent = asyncio.run_coroutine_threadsafe(send(piece), loop)
        try:
            sent.result(_PIECE_SECONDS)
        except Exception as error:  # noqa: BLE001 - the reader is gone or asleep, whatever the server calls it
            sent.cancel()
            log.info("stream_broken_off", error=type(error).__name__)
            return
