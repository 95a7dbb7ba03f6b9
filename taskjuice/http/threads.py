"""The threads that run the WSGI application. A request that waits for one too long is answered 503 instead."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import structlog

log = structlog.get_logger(__name__)


class Job:
    """One piece of work for a thread: at most one of thread and event loop begins it, and at most one answers it."""

    def __init__(self, work: Callable[["Job"], None], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.done: asyncio.Future[None] = loop.create_future()
        self._begun = threading.Lock()
        self._answered = threading.Lock()

    def begin(self) -> bool:
        """Whether the caller is the one who begins it."""
        return self._begun.acquire(blocking=False)

    def may_answer(self) -> bool:
        """Whether the caller is the one who answers."""
        return self._answered.acquire(blocking=False)

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Threads:
    """So many threads, which take what waits in the order it came."""

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._run, name=f"web-{number}", daemon=True).start()

    async def run(self, work: Callable[[Job], None], *, patience: float, answer_late: bool) -> bool:
        """Whether `work` has been done. False: it waited for `patience` seconds, and never begins.

        answer_late: also False when it has begun, is not done by then and has not answered; it may not answer any
        more. For requests that can be sent again without harm.
        """
        loop = asyncio.get_running_loop()
        job = Job(work, loop)
        given_up = False

        def give_up() -> None:
            nonlocal given_up
            if job.begin() or (answer_late and job.may_answer()):
                given_up = True
                job.finish()

        timer = loop.call_later(patience, give_up)
        self._waiting.put(job)
        try:
            await job.done
        finally:
            timer.cancel()
        return not given_up

    def _run(self) -> None:
        while True:
            job = self._waiting.get()
            if not job.begin():
                continue
            try:
                job.work(job)
            except Exception:  # whatever it was, the thread is needed for the next
                log.exception("request_broke_off")
            finally:
                with suppress(RuntimeError):  # the loop is closed: the process ends
                    job.loop.call_soon_threadsafe(job.finish)
