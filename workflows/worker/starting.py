"""Starting, in a worker process: one thread begins everything that is due; the others only wish for it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing import util

import structlog

from core import passes
from core.db import tenant_scope
from workflows.engine import scheduler
from workflows.engine.candidates import Candidates
from workflows.queue import in_flight, wakeup
from workflows.worker import other_work, token_refresh

log = structlog.get_logger(__name__)

_SECONDS = 20.0
# While what was found has no room, what else is due is looked for so often. Each look reads up to a hundred runs.
_LOOK_EVERY = 0.1
# And so often it is left to another process, which may have room.
_PASSED_ON_EVERY = 0.5
_AFTER_AN_ERROR = 1.0


class _Kind:
    """A kind of due work. Used by the starter's thread; others only name it.

    begin: begins what has room, until a time of time.monotonic(), and returns whether more may be due; fresh says
    whether something new may be.
    """

    def __init__(self, begin: Callable[[float, bool], bool]) -> None:
        self._begin = begin
        self.waits = True

    def take_turn(self, until: float, *, fresh: bool) -> None:
        if self.waits:
            self.waits = self._begin(until, fresh)


def _of_rows(begin: other_work.Begin) -> _Kind:
    return _Kind(lambda until, fresh: begin(until)[1])


class Starter:
    """The thread that begins what is due, until the process ends."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._wished = self._stopped = False
        self._fresh = set[_Kind]()
        candidates = Candidates(scheduler.SCHEDULE)
        self.runs = _Kind(
            lambda until, fresh: scheduler.begin_due(until, candidates, fresh=fresh, look_every=_LOOK_EVERY)
        )
        self.others = {kind: _of_rows(begin) for kind, begin in other_work.IN_FLIGHT.items()}
        self.refreshes = _of_rows(token_refresh.refresh_due)
        self._kinds = deque([self.runs, *self.others.values(), self.refreshes])
        self._passed_on_at = 0.0
        self.place = in_flight.Threads(self._wish_again)
        # Behind the last task of the process, before it waits for its threads.
        util.Finalize(None, self.stop, exitpriority=10)
        self._thread = threading.Thread(target=self._work, name="starter")
        self._thread.start()

    def wish(self, *fresh: _Kind) -> None:
        """Have what is due begun where it has room. fresh: of these something new may be due."""
        with self._condition:
            self._wished = True
            self._fresh.update(fresh)
            self._condition.notify()

    def _wish_again(self, made_due: bool) -> None:
        """Have what waits begun in the room that there is now. made_due: what ended has made a run due."""
        self.wish(*[self.runs] if made_due else [])

    def stop(self) -> None:
        """Begin nothing more."""
        self.place.stop()
        passes.stop()
        with self._condition:
            self._stopped = True
            self._condition.notify()

    def _work(self) -> None:
        again: float | None = None
        while (fresh := self._next_wish(again)) is not None:
            try:
                with tenant_scope.unscoped(), self.place.database():
                    again = self._begin_due(fresh)
            except Exception:
                log.exception("starting_broke")
                again = _AFTER_AN_ERROR

    def _next_wish(self, seconds: float | None) -> set[_Kind] | None:
        """Wait for a wish, at most `seconds`. Return of which kinds something new may be due; None when all is over."""
        with self._condition:
            if not self._wished and not self._stopped:
                self._condition.wait(seconds)
            fresh, self._wished, self._fresh = self._fresh, False, set()
            return None if self._stopped else fresh

    def _begin_due(self, fresh: set[_Kind]) -> float | None:
        """Begin what has room. Return the seconds after which to look again without a wish, if there is more."""
        until = time.monotonic() + _SECONDS
        for kind in fresh:  # until its turn, which comes the next time if that of another kind breaks
            kind.waits = True
        self._kinds.rotate()  # where several wait for the same room, they have it in turn
        for kind in self._kinds:
            kind.take_turn(until, fresh=kind in fresh)
        waits = any(kind.waits for kind in self._kinds)
        if waits and time.monotonic() - self._passed_on_at > _PASSED_ON_EVERY:
            self._passed_on_at = time.monotonic()
            wakeup.wake_workers()
        return _LOOK_EVERY if waits else None


_starter: Starter | None = None


def begin_runs(until: float, *, fresh: bool) -> int:
    """Begin runs that are due. Return how many were walked, which is none where the starter thread does it.

    until: `time.monotonic()` after which nothing new is begun. fresh: something new may be due since the last time.
    """
    if _starter is None:
        return scheduler.advance_due(until)
    _starter.wish(*[_starter.runs] if fresh else [])
    return 0


def begin_others(kinds: Iterable[str], until: float) -> int:
    """Begin what is due of these kinds of other work, as `begin_runs`."""
    wanted = [kind for kind in kinds if kind in other_work.IN_FLIGHT]
    if _starter is None:
        return sum(other_work.IN_FLIGHT[kind](until)[0] for kind in wanted)
    if wanted:
        _starter.wish(*(_starter.others[kind] for kind in wanted))
    return 0


def begin_refreshes() -> None:
    """Begin token refreshes that are due."""
    if _starter is None:
        token_refresh.refresh_due(time.monotonic() + _SECONDS)
    else:
        _starter.wish(_starter.refreshes)


def use_threads() -> Starter:
    """Have this process, a worker from now on, begin what waits for others in threads of its own."""
    global _starter  # noqa: PLW0603 - one a process
    _starter = Starter()
    in_flight.use(_starter.place)
    passes.use_threads(_starter.place.database)
    return _starter
