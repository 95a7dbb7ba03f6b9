"""Work in flight: what a worker process has begun and waits for, each in a thread of its own, within bounds.

Most of the time such work waits for a provider's response, and holds nothing else meanwhile: no database connection
(core.db.lending), no lock, no other work's turn. A process that is no worker, such as a test, does each piece at once.
"""

import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import Protocol, TypeVar

import structlog
from django.db import connection as database

from core import node_slots, passes
from core.db import lending
from workflows.queue import metrics

log = structlog.get_logger(__name__)

# Of a process.
PLACES = 160
PER_WORKSPACE = PLACES * 3 // 4
# At one connection to a provider, of the node's slots.
PER_CONNECTION = len(node_slots.OF_WORKERS) // 2
# So long a connection without a free slot on the node counts as full.
_NO_SLOT_FOR = 0.1
# Connections of a process to the database, beside that of its main thread. On PostgreSQL more than PER_CONNECTION: all
# that use one provider's connection may wait for one locked row. Writers of SQLite wait for each other.
_SHARED = {"postgresql": PER_CONNECTION + 2, "sqlite": 1}
# No attempt (workflows.calls.attempt), no turn (workflows.queue.turns) and no pass takes as long.
_STUCK_SECONDS = 180.0
_thread = threading.local()
Claim = TypeVar("Claim")


class Reserved(Protocol):
    """Room for one piece of work; exactly one of the two is called."""

    def begin(self, work: Callable[[], object]) -> None:
        """Begin the work, which handles its own errors. It returns True if its end may have made a run due."""

    def cancel(self) -> None:
        """Give the room up."""


class Place(Protocol):
    """A place where a process does its work. connection: the key of the one to a provider that the work uses next."""

    def load(self, workspace: uuid.UUID) -> int:
        """Return how much of that workspace is in flight."""

    def has_room(self) -> bool:
        """Return whether anything could be begun now."""

    def full(self) -> list[str]:
        """Return the connections that have no room."""

    def reserve(self, workspace: uuid.UUID, connection: str | None) -> Reserved | None:
        """Return room for such work; None if there is none now."""


class AtOnce:
    """Does each piece of work before the next."""

    def load(self, workspace: uuid.UUID) -> int:
        return 0

    def has_room(self) -> bool:
        return True

    def full(self) -> list[str]:
        return []

    def reserve(self, workspace: uuid.UUID, connection: str | None) -> Reserved | None:
        return self

    def begin(self, work: Callable[[], object]) -> None:
        work()

    def cancel(self) -> None:
        pass


class _Piece:
    """A piece of work, or room for one."""

    def __init__(self, place: "Threads", workspace: uuid.UUID) -> None:
        self.place, self.workspace = place, workspace
        self.connection: str | None = None
        self.slot: int | None = None
        self.begun_at = time.monotonic()

    def begin(self, work: Callable[[], object]) -> None:
        self.place.begin(self, work)

    def cancel(self) -> None:
        self.place.forget(self)


class Threads:
    """A thread for each piece of work.

    when_room: called, from any thread, whenever there may be more room; with True if a run may have become due, too.
    """

    def __init__(self, when_room: Callable[[bool], object]) -> None:
        self._threads = ThreadPoolExecutor(PLACES, thread_name_prefix="in-flight")
        self._lender = lending.Lender(_SHARED[database.vendor])
        self._when_room = when_room
        self._lock = threading.Lock()
        self._pieces: set[_Piece] = set()
        self._workspaces: Counter[uuid.UUID] = Counter()
        self._connections: Counter[str | None] = Counter()
        self._node = node_slots.of_connections()
        # Those that had none of the node's slots, and when (time.monotonic()).
        self._no_slot: dict[str, float] = {}
        self._stopped = False
        metrics.PLACES.set(PLACES)

    def database(self) -> AbstractContextManager[None]:
        """Have the thread share the process's database connections inside the block."""
        return self._lender.loan()

    def load(self, workspace: uuid.UUID) -> int:
        return self._workspaces[workspace]

    def has_room(self) -> bool:
        return not self._stopped and len(self._pieces) < PLACES

    def full(self) -> list[str]:
        with self._lock:
            lately = time.monotonic() - _NO_SLOT_FOR
            self._no_slot = {key: at for key, at in self._no_slot.items() if at > lately}
            return [*{key for key in self._connections if key and not self._has_room(key)} | {*self._no_slot}]

    def reserve(self, workspace: uuid.UUID, connection: str | None) -> _Piece | None:
        with self._lock:
            if not self.has_room() or self._workspaces[workspace] >= PER_WORKSPACE:
                return None
            piece = _Piece(self, workspace)
            if not self._enter_connection(piece, connection):
                return None
            self._pieces.add(piece)
            self._workspaces[workspace] += 1
            metrics.IN_FLIGHT.set(len(self._pieces))
            return piece

    def _has_room(self, connection: str | None) -> bool:
        return connection is None or self._connections[connection] < PER_CONNECTION

    def begin(self, piece: _Piece, work: Callable[[], object]) -> None:
        """Begin the work in a thread, which sees the rows that its starter sees (core.db.tenant_scope)."""
        piece.begun_at = time.monotonic()
        lending.give_back()  # to the threads, which have less to do with it
        begun = threading.Lock()
        try:
            self._threads.submit(copy_context().run, self._do, piece, work, begun)
        except RuntimeError:
            # There are no new threads: the process ends, or has reached a limit of its system. The pool may have it
            # all the same, for a thread that becomes free.
            if not begun.acquire(blocking=False):
                return
            made_due = True
            try:
                made_due = work() is True
            finally:
                self.leave(piece, made_due=made_due)

    def moves(self, piece: _Piece, connection: str | None) -> bool:
        """Count the piece with that connection from now on, if it has room and the process goes on."""
        with self._lock:
            if self._stopped:
                return False
            if connection == piece.connection:
                return True
            before = piece.connection, piece.slot
            if not self._enter_connection(piece, connection):
                return False
            self._leave_connection(*before)
        self._when_room(False)
        return True

    def _do(self, piece: _Piece, work: Callable[[], object], begun: threading.Lock) -> None:
        if not begun.acquire(blocking=False):
            return
        _thread.piece = piece
        made_due = True
        try:
            with self._lender.loan():
                made_due = work() is True
        except BaseException:  # even SystemExit: this thread has other work to do
            log.exception("work_in_flight_broke")
        finally:
            _thread.piece = None
            self.leave(piece, made_due=made_due)

    def leave(self, piece: _Piece, *, made_due: bool) -> None:
        """Give the piece's room to others."""
        self.forget(piece)
        self._when_room(made_due)

    def forget(self, piece: _Piece) -> None:
        """Count the piece no more."""
        with self._lock:
            self._pieces.discard(piece)
            metrics.IN_FLIGHT.set(len(self._pieces))
            self._leave_connection(piece.connection, piece.slot)
            self._workspaces[piece.workspace] -= 1
            if not self._workspaces[piece.workspace]:
                del self._workspaces[piece.workspace]

    def _enter_connection(self, piece: _Piece, connection: str | None) -> bool:
        """Count the piece with that connection; return False if it has no room in this process or on this node."""
        slot = None
        if connection is not None:
            slot = self._node.take(connection, node_slots.OF_WORKERS) if self._has_room(connection) else None
            if slot is None:
                self._no_slot[connection] = time.monotonic()
                return False
        piece.connection, piece.slot = connection, slot
        self._connections[connection] += 1
        return True

    def _leave_connection(self, connection: str | None, slot: int | None) -> None:
        if slot is not None:
            self._node.give_back(slot)
        self._connections[connection] -= 1
        if not self._connections[connection]:
            del self._connections[connection]

    def stop(self) -> None:
        """Begin nothing more; what is in flight ends with the step that it is at."""
        self._stopped = True

    def is_stuck(self) -> bool:
        """Return whether a piece of work does not end."""
        with self._lock:
            oldest = min((piece.begun_at for piece in self._pieces), default=time.monotonic())
        return time.monotonic() - oldest > _STUCK_SECONDS


def claimed(reserved: Reserved, claim: Callable[[], Claim | None]) -> Claim | None:
    """Return what `claim` returns; if that is nothing, or if it raises, the room is given up."""
    claim_made = None
    try:
        claim_made = claim()
    finally:
        if claim_made is None:
            reserved.cancel()
    return claim_made


def moves_to(connection: str | None) -> bool:
    """Return whether the work of this thread may go on with that connection, which then counts it."""
    piece: _Piece | None = getattr(_thread, "piece", None)
    return piece is None or piece.place.moves(piece, connection)


def leave_if_stuck() -> None:
    """End the process if a piece of work does not end: others take its rows up, but its room would never come back.

    Call it in the main thread while a task runs: one that waits for its next task holds the lock of the task queue.
    """
    stuck = isinstance(_place, Threads) and _place.is_stuck()
    if stuck or passes.longest() > _STUCK_SECONDS:
        log.critical("work_in_flight_stuck", seconds=_STUCK_SECONDS)
        os._exit(1)


_place: Place = AtOnce()


def current() -> Place:
    """Return where this process does its work."""
    return _place


def use(place: Place) -> None:
    """Have this process do its work there from now on."""
    global _place  # noqa: PLW0603 - one a process
    _place = place
