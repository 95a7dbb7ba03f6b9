"""The threads that run the WSGI application. A request that waits too long for a thread is answered 503."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

import structlog

from taskjuice.http.ear import Ear

log = structlog.get_logger(__name__)


class Job:
    """Work for one thread. Thread and event loop compete: one of them begins it, one of them answers it."""

    def __init__(self, work: Callable[["Job"], None], ear: Ear) -> None:
        self.work = work
        self.ear = ear
        # True: done. False: given up.
        self.done: asyncio.Future[bool] = ear.loop.create_future()
        self._begun = threading.Lock()
        self._answered = threading.Lock()

    def begin(self) -> bool:
        """Return whether the caller is the first to begin it."""
        return self._begun.acquire(blocking=False)

    def may_answer(self) -> bool:
        """Return whether the caller is the first to answer."""
        return self._answered.acquire(blocking=False)


class Threads:
    """A fixed number of threads that take jobs in the order of arrival."""

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._run, name=f"web-{number}", daemon=True).start()

    async def run(self, work: Callable[[Job], None], *, ear: Ear, patience: float, answer_late: bool) -> bool:
        """Run `work` in a thread and return True; return False if none was free within `patience` seconds.

        answer_late: also return False if the work has begun but not answered in time; it may then not answer any more.
        For requests that can be repeated without harm.
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
            except Exception:  # the thread is needed for the next request
                log.exception("request_broke_off")
            finally:
                job.ear.tell(job.done, result=True)
