"""The RSGI application that the web server calls: receive a whole request, then answer it in a thread."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from io import BytesIO
from typing import Any

from core.web.url_prefixes import HEALTH
from taskjuice.http.addresses import client_address
from taskjuice.http.answers import Application, answer
from taskjuice.http.bodies import Bodies
from taskjuice.http.deliveries import Deliveries
from taskjuice.http.environ import environ_of
from taskjuice.http.loop_results import LoopResults
from taskjuice.http.refused import Refused, busy, too_late
from taskjuice.http.threads import Job, Threads

# PagerDuty gives a delivery five seconds.
PATIENCE_SECONDS = 4.5
# With less time left, a thread could not answer any more, so none is used.
_LEAST_SECONDS = 0.01
_ALIVE = b'{"status": "ok"}'
_ALIVE_HEADERS = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]


class Gateway:
    """Receive requests and pass them to the deliveries' fast path or to a thread.

    proxies: how many of ours add to X-Forwarded-For. proxied: whether forwarded headers are believed at all.
    largest: bytes, the largest body that any view accepts. around: see Threads.
    """

    def __init__(
        self,
        application: Application,
        *,
        threads: int,
        largest: int,
        deliveries: Deliveries | None = None,
        proxies: int = 0,
        proxied: bool = False,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.application = application
        self.deliveries = deliveries
        self._threads = Threads(threads, around)
        self._loop_results: LoopResults | None = None
        self._streams = threading.Semaphore(max(1, threads // 4))
        self._bodies = Bodies(largest=largest)
        # Separate bounds: requests to public addresses must not use up the places of deliveries.
        self._delivered = Bodies(largest=largest)
        self._proxies = proxies
        self._proxied = proxied

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path == HEALTH and scope.method in {"GET", "HEAD"}:
            protocol.response_bytes(200, _ALIVE_HEADERS, _ALIVE)
            return
        try:
            await self._answer(scope, protocol)
        except Refused as refused:
            protocol.response_bytes(*refused.answer(scope.path))

    async def _answer(self, scope: Any, protocol: Any) -> None:
        environ = environ_of(scope, proxied=self._proxied)
        deliveries = self.deliveries
        if deliveries is not None and deliveries.concern(scope.path):
            await self._take(deliveries, environ, protocol)
            return
        body = await self._receive(environ, protocol, self._bodies)
        try:
            if not await self._in_thread(environ, body, protocol, patience=PATIENCE_SECONDS):
                raise busy()
        finally:
            self._bodies.release(len(body))

    async def _take(self, deliveries: Deliveries, environ: dict[str, Any], protocol: Any) -> None:
        """Answer a delivery, without a thread if possible; read its body only if it is needed."""
        results, body = self._results(), b""
        now = results.loop.time
        deadline = now() + PATIENCE_SECONDS
        if deliveries.known(environ) or await self._wanted(deliveries, environ):
            began = now()
            body = await self._receive(environ, protocol, self._delivered)
            deadline += now() - began  # time that the sender took
        else:
            environ["CONTENT_LENGTH"] = "0"
        try:
            stored = results.loop.create_future()
            within = deliveries.begin(environ, body, partial(results.set, stored)) if body else 0
            given = await results.wait(stored, within=min(within, deadline - now())) if within else None
            if given is not None:
                protocol.response_bytes(*given)
                return
            left = deadline - now()
            if left < _LEAST_SECONDS or not await self._in_thread(
                environ, body, protocol, patience=left, answer_late=True
            ):
                raise too_late()
        finally:
            self._delivered.release(len(body))

    async def _in_thread(
        self,
        environ: dict[str, Any],
        body: bytes,
        protocol: Any,
        *,
        patience: float,
        answer_late: bool = False,
    ) -> bool:
        """Return whether the application has answered (Threads.run)."""
        environ["wsgi.input"] = BytesIO(body)

        def work(job: Job) -> None:
            answer(self.application, environ, protocol, job, self._streams)

        results = self._results()
        return await self._threads.run(work, results=results, patience=patience, answer_late=answer_late)

    async def _wanted(self, deliveries: Deliveries, environ: dict[str, Any]) -> bool:
        found: list[bool | Exception] = []

        def work(job: Job) -> None:
            try:
                found.append(deliveries.wanted(environ))
            except Exception as error:  # noqa: BLE001 - raised again in the loop
                found.append(error)

        results = self._results()
        if not await self._threads.run(work, results=results, patience=PATIENCE_SECONDS, answer_late=True):
            raise too_late()
        if isinstance(found[0], Exception):
            raise too_late() from found[0]
        return found[0]

    def _results(self) -> LoopResults:
        loop = asyncio.get_running_loop()
        if self._loop_results is None or self._loop_results.loop is not loop:
            self._loop_results = LoopResults(loop)
        return self._loop_results

    async def _receive(self, environ: dict[str, Any], protocol: Any, bodies: Bodies) -> bytes:
        """Return the body, to be released. Set CONTENT_LENGTH, which a chunked request does not have."""
        given: str = environ.get("CONTENT_LENGTH", "")
        if given and not given.isdecimal():
            raise Refused(400, "bad_length", "The Content-Length is not a number.")
        declared = int(given) if given else None
        if declared == 0 or (declared is None and "HTTP_TRANSFER_ENCODING" not in environ):
            return b""
        address = client_address(
            environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR", ""), proxies=self._proxies
        )
        body = await bodies.receive(protocol, declared=declared, address=address)
        environ["CONTENT_LENGTH"] = str(len(body))
        return body
