"""Passes: background work over all that is due of one kind, such as sending email, which waits for others' servers.

In a worker process (`use_threads`) a pass has a thread of its own, so that nothing else waits with it. Elsewhere, as in
a test, it is made at once.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import copy_context

import structlog

log = structlog.get_logger(__name__)


class _Process:
    """The passes of a worker process. database: see `use_threads`. begun_at: time.monotonic() of those under way."""

    def __init__(self, database: Callable[[], AbstractContextManager[None]]) -> None:
        self.database = database
        self.lock = threading.Lock()
        self.stopped = False
        self.begun_at: dict[Pass, float] = {}


class Pass:
    """A kind of pass, of which at most one is made at a time in a process.

    work: makes it, and returns how much was done. It ends soon once `stopping()`, and calls `core.db.lending.give_back`
    before it waits.
    """

    def __init__(self, name: str, work: Callable[[], int]) -> None:
        self._name, self._work = name, work
        self._wished = False

    def make(self) -> int:
        """Make the pass, and return what it returns. In a worker process its thread makes it, and 0 is returned.

        If a pass is under way there, another follows: what it has passed by may be due by now.
        """
        process = _process
        if process is None:
            return self._work()
        with process.lock:
            self._wished = True
            if process.stopped or self in process.begun_at:
                return 0
            process.begun_at[self] = time.monotonic()
        thread = threading.Thread(target=copy_context().run, args=(self._go, process), name=self._name)
        try:
            thread.start()
        except RuntimeError:  # a limit of the system: the watchdog wishes for it again
            with process.lock:
                del process.begun_at[self]
            raise
        return 0

    def _go(self, process: _Process) -> None:
        while self._goes_on(process):
            try:
                with process.database():
                    self._work()
            except Exception:
                log.exception("pass_broke", name=self._name)

    def _goes_on(self, process: _Process) -> bool:
        with process.lock:
            wished, self._wished = self._wished and not process.stopped, False
            if wished:
                process.begun_at[self] = time.monotonic()
            else:
                del process.begun_at[self]
            return wished


_process: _Process | None = None


def use_threads(database: Callable[[], AbstractContextManager[None]]) -> None:
    """Have this process, a worker from now on, make each pass in a thread. database: lends it a connection."""
    global _process  # noqa: PLW0603 - one a process
    _process = _Process(database)


def stop() -> None:
    """Begin no pass any more; those under way end soon."""
    if _process is not None:
        _process.stopped = True


def stopping() -> bool:
    """Return whether the process ends, so that a pass begins nothing more."""
    return _process is not None and _process.stopped


def longest() -> float:
    """Return the seconds since the oldest pass under way began, 0 without any."""
    if _process is None:
        return 0.0
    with _process.lock:
        now = time.monotonic()
        return now - min(_process.begun_at.values(), default=now)
