"""The threads that run the WSGI application. A request that waits for one too long is answered 503 instead."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

import structlog

from taskjuice.http.ear import Ear

log = structlog.get_logger(__name__)


class Job:
    """One piece of work for a thread: at most one of thread and event loop begins it, and at most one answers it."""

    def __init__(self, work: Callable[["Job"], None], ear: Ear) -> None:
        self.work = work
        self.ear = ear
        # Whether it has been done; False: given up.
        self.done: asyncio.Future[bool] = ear.loop.create_future()
        self._begun = threading.Lock()
        self._answered = threading.Lock()

    def begin(self) -> bool:
        """Whether the caller is the one who begins it."""
        return self._begun.acquire(blocking=False)

    def may_answer(self) -> bool:
        """Whether the caller is the one who answers."""
        return self._answered.acquire(blocking=False)


class Threads:
    """So many threads, which take what waits in the order it came."""

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._run, name=f"web-{number}", daemon=True).start()

    async def run(self, work: Callable[[Job], None], *, ear: Ear, patience: float, answer_late: bool) -> bool:
        """Whether `work` has been done. False: it waited for `patience` seconds, and never begins.

        answer_late: also False when it has begun, is not done by then and has not answered; it may not answer any
        more. For requests that can be sent again without harm.
        """
        job = Job(work, ear)

        def give_up() -> None:
            if not job.done.done() and (job.begin() or (answer_late and job.may_answer())):
                job.done.set_result(False)

        timer = ear.loop.call_later(patience, give_up)
        self._waiting.put(job)
        try:
            return await job.done
        finally:
            timer.cancel()

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
                job.ear.tell(job.done, result=True)
