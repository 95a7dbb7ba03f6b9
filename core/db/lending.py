"""Lending of database connections: many threads that wait for others share a few connections to the database.

A thread on loan (`Lender.loan`) has no connection of its own. It borrows one at its first statement, and `give_back`
returns it before the thread waits for something else, such as a provider's response. Django finds the borrowed one
under its usual name, so no other code knows of it. What a thread reads by `QuerySet.iterator` it reads to the end
before it waits: an open cursor stays with the connection, which another thread has then.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core.db.postgresql import patience, plans

# Statements take milliseconds and a locked database makes one wait 20 seconds (taskjuice.settings).
_PATIENCE_SECONDS = 60.0
# A connection that was used just now is not asked again whether it still works.
_TRUSTED_SECONDS = 1.0
_thread = threading.local()
# What Django asks of a connection at the beginning and end of each request, of one that is not borrowed.
_OF_NONE: dict[str, Any] = {
    "in_atomic_block": False,
    "queries_log": deque(),
    "close_if_unusable_or_obsolete": lambda: None,
}


class Lender:
    """At most `size` connections, opened when they are first needed; the one used last is lent first.

    longest: seconds that a thread waits for one before its statement raises OperationalError; less where its request
    has less left (core.db.postgresql.patience).
    """

    def __init__(self, size: int, longest: float = _PATIENCE_SECONDS) -> None:
        self._longest = longest
        self._free: queue.LifoQueue[tuple[BaseDatabaseWrapper | None, float]] = queue.LifoQueue()
        for _ in range(size):
            self._free.put((None, 0.0))

    @contextmanager
    def loan(self) -> Iterator[None]:
        """Have this thread borrow its connection inside the block. Raises RuntimeError if it does so already."""
        if getattr(_thread, "loan", None) is not None:
            raise RuntimeError("This thread borrows its connection already.")
        own = getattr(connections._connections, DEFAULT_DB_ALIAS, None)  # type: ignore[attr-defined]
        loan = _thread.loan = _Loan(self)
        connections[DEFAULT_DB_ALIAS] = loan  # type: ignore[assignment]
        try:
            yield
        finally:
            _thread.loan = None
            if own is None:
                del connections[DEFAULT_DB_ALIAS]
            else:
                connections[DEFAULT_DB_ALIAS] = own
            loan._end()

    def _borrow(self) -> BaseDatabaseWrapper:
        left = patience.left()
        try:
            wrapper, used_at = self._free.get(
                timeout=self._longest if left is None else min(left, self._longest)
            )
        except queue.Empty:
            raise OperationalError("No database connection became free in time.") from None
        try:
            if wrapper is None:
                wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
                wrapper.inc_thread_sharing()
            elif _needs_check(wrapper, used_at):
                wrapper.close_if_unusable_or_obsolete()
        except BaseException:
            self._free.put((None, 0.0))
            raise
        return wrapper

    def _take_back(self, wrapper: BaseDatabaseWrapper) -> None:
        self._free.put((wrapper, time.monotonic()))


def _needs_check(wrapper: BaseDatabaseWrapper, used_at: float) -> bool:
    now = time.monotonic()
    old = wrapper.close_at is not None and now >= wrapper.close_at
    return wrapper.errors_occurred or old or now - used_at > _TRUSTED_SECONDS


class _Loan:
    """A thread's connection as Django sees it: each attribute is that of the borrowed one."""

    _lender: Lender
    _wrapper: BaseDatabaseWrapper | None

    def __init__(self, lender: Lender) -> None:
        vars(self).update(_lender=lender, _wrapper=None)

    def _borrowed(self) -> BaseDatabaseWrapper:
        wrapper = self._wrapper
        if wrapper is None:
            wrapper = vars(self)["_wrapper"] = self._lender._borrow()
            plans.forget_old(wrapper)
        return wrapper

    def _give_back(self) -> None:
        wrapper = self._wrapper
        if wrapper is None:
            return
        if wrapper.in_atomic_block:
            raise RuntimeError("A transaction is open: it would last as long as what the thread waits for.")
        vars(self)["_wrapper"] = None
        self._lender._take_back(wrapper)

    def _end(self) -> None:
        """Give it back in any case: one left inside a transaction is closed, which undoes it."""
        wrapper = self._wrapper
        if wrapper is not None and wrapper.in_atomic_block:
            try:
                wrapper.in_atomic_block = False
                wrapper.close()
            finally:
                self._give_back()
        else:
            self._give_back()

    def __getattr__(self, name: str) -> Any:
        if self._wrapper is None and name in _OF_NONE:
            return _OF_NONE[name]
        return getattr(self._borrowed(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._borrowed(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._borrowed(), name)


def give_back() -> None:
    """Give this thread's borrowed connection back, because it will wait; its next statement borrows one again.

    Nothing happens in a thread with a connection of its own. Raises RuntimeError inside a transaction.
    """
    loan: _Loan | None = getattr(_thread, "loan", None)
    if loan is not None:
        loan._give_back()
