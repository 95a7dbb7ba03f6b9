"""The application that the web server calls (RSGI): receives a request whole, then has a thread answer it."""

import asyncio
import threading
from io import BytesIO
from typing import Any, Protocol

from taskjuice.http.addresses import client_address
from taskjuice.http.answers import Application, answer
from taskjuice.http.bodies import Bodies
from taskjuice.http.environ import environ_of
from taskjuice.http.refused import Refused, busy, too_late
from taskjuice.http.threads import Job, Threads

# PagerDuty gives a delivery five seconds.
PATIENCE_SECONDS = 4.5
_ALIVE = b'{"status": "ok"}'
_ALIVE_HEADERS = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]


class Deliveries(Protocol):
    """What is known about deliveries before their bodies are read."""

    def concern(self, path: str) -> bool:
        """Whether it is the path of one; such requests may be answered 503 while a thread is busy with them."""

    def known(self, environ: dict[str, Any]) -> bool:
        """Whether the body is wanted, as far as can be said at once."""

    def wanted(self, environ: dict[str, Any]) -> bool:
        """Whether the body is wanted; may ask the database. Without it, the application answers why not."""


class Gateway:
    """proxies: how many of ours add to X-Forwarded-For. proxied: whether any in front is believed at all.

    largest: bytes, the most that any view takes.
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
    ) -> None:
        self.application = application
        self.deliveries = deliveries
        self._threads = Threads(threads)
        self._streams = threading.Semaphore(max(1, threads // 2))
        self._bodies = Bodies(largest=largest)
        # Requests to addresses that anyone can guess do not fill the places that deliveries need.
        self._delivered = Bodies(largest=largest)
        self._proxies = proxies
        self._proxied = proxied

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path == "/healthz" and scope.method in {"GET", "HEAD"}:
            protocol.response_bytes(200, _ALIVE_HEADERS, _ALIVE)
            return
        try:
            await self._answer(scope, protocol)
        except Refused as refused:
            protocol.response_bytes(*refused.answer(scope.path))

    async def _answer(self, scope: Any, protocol: Any) -> None:
        environ = environ_of(scope, proxied=self._proxied)
        deliveries = self.deliveries
        patience, is_delivery = PATIENCE_SECONDS, deliveries is not None and deliveries.concern(scope.path)
        bodies = self._delivered if is_delivery else self._bodies
        held = 0
        if deliveries is None or not is_delivery or deliveries.known(environ):
            held = await self._receive(environ, protocol, bodies)
        else:
            began = asyncio.get_running_loop().time()
            if await self._wanted(deliveries, environ):
                patience -= asyncio.get_running_loop().time() - began
                held = await self._receive(environ, protocol, bodies)
            else:
                environ["CONTENT_LENGTH"] = "0"

        def work(job: Job) -> None:
            answer(self.application, environ, protocol, job, self._streams)

        try:
            if not await self._threads.run(work, patience=patience, answer_late=is_delivery):
                raise too_late() if is_delivery else busy()
        finally:
            bodies.release(held)

    async def _wanted(self, deliveries: Deliveries, environ: dict[str, Any]) -> bool:
        found: list[bool | Exception] = []

        def work(job: Job) -> None:
            try:
                found.append(deliveries.wanted(environ))
            except Exception as error:  # noqa: BLE001 - raised again in the loop
                found.append(error)

        if not await self._threads.run(work, patience=PATIENCE_SECONDS, answer_late=True):
            raise too_late()
        if isinstance(found[0], Exception):
            raise too_late() from found[0]
        return found[0]

    async def _receive(self, environ: dict[str, Any], protocol: Any, bodies: Bodies) -> int:
        """Put the body into the environ; its length too, where only its end says it (chunks). Return its length."""
        given: str = environ.get("CONTENT_LENGTH", "")
        if given and not given.isdecimal():
            raise Refused(400, "bad_length", "The Content-Length is not a number.")
        declared = int(given) if given else None
        if declared == 0 or (declared is None and "HTTP_TRANSFER_ENCODING" not in environ):
            return 0
        address = client_address(
            environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR", ""), proxies=self._proxies
        )
        body = await bodies.receive(protocol, declared=declared, address=address)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return len(body)
