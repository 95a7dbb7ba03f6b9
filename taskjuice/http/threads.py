"""The threads that run the WSGI application. A request that waits too long for a thread is answered 503."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue

import structlog

from taskjuice.http.loop_results import LoopResults

log = structlog.get_logger(__name__)


class Job:
    """Work for one thread. Thread and event loop compete: one of them begins it, one of them answers it."""

    def __init__(self, work: Callable[["Job"], None], results: LoopResults) -> None:
        self.work = work
        self.results = results
        # True: done. False: given up.
        self.done: asyncio.Future[bool] = results.loop.create_future()
        self._begun = threading.Lock()
        self._answered = threading.Lock()

    def begin(self) -> bool:
        """Return whether the caller is the first to begin it."""
        return self._begun.acquire(blocking=False)

    def may_answer(self) -> bool:
        """Return whether the caller is the first to answer."""
        return self._answered.acquire(blocking=False)


class Threads:
    """A fixed number of threads that take jobs in the order of arrival.

    around: returns what each job is done within, such as a loan of a database connection.
    """

    def __init__(
        self, count: int, around: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._around = around
        self._waiting: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._run, name=f"web-{number}", daemon=True).start()

    async def run(
        self, work: Callable[[Job], None], *, results: LoopResults, patience: float, answer_late: bool
    ) -> bool:
        """Run `work` in a thread and return True; return False if none was free within `patience` seconds.

        answer_late: also return False if the work has begun but not answered in time; it may then not answer any more.
        For requests that can be repeated without harm.
        """
        job = Job(work, results)

        def give_up() -> None:
            if not job.done.done() and (job.begin() or (answer_late and job.may_answer())):
                job.done.set_result(False)

        timer = results.loop.call_later(patience, give_up)
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
                with self._around():
                    job.work(job)
            except Exception:  # the thread is needed for the next request
                log.exception("request_broke_off")
            finally:
                job.results.set(job.done, result=True)
