"""Group commit: one thread per process writes all waiting deliveries in one transaction.

A commit waits for the disk, and SQLite commits one transaction at a time; so each commit carries all deliveries that
came meanwhile. The caller of each delivery gets its result after that commit, or the error of its own delivery.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from django.db import OperationalError, connection

from core.db import tenant_scope
from core.db.postgresql import patience
from workflows.inbox.fast import insert_sql, postgresql, sqlite

log = structlog.get_logger(__name__)

_MOST_AT_ONCE = 100
_MOST_WAITING = 1000
_IDLE_AFTER = 10.0
# Seconds that a caller waits for its result. On PostgreSQL it then takes the ordinary path, on its own connection.
ANSWER_WITHIN = {"postgresql": 2.0, "sqlite": 20.0}
_ON: dict[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}

Told = Callable[[bool, Exception | None], None]


@dataclass
class _Delivery:
    parameters: insert_sql.Parameters
    told: Told
    error: Exception | None = None

    def answer(self, *, stored: bool = False, error: Exception | None = None) -> None:
        """Pass the result to the callback of this delivery."""
        self.error = error
        try:
            self.told(stored, error)
        except Exception:  # one failing callback must not delay the other deliveries
            log.exception("delivery_callback_failed")


class GroupCommit:
    """The writer thread of this process; it ends when no deliveries come."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Delivery] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def store(self, parameters: insert_sql.Parameters) -> bool:
        """Return whether it was stored and committed. Raise django.db.Error."""
        done = threading.Lock()
        done.acquire()
        became: list[bool | Exception] = []

        def told(stored: bool, error: Exception | None) -> None:
            became.append(error or stored)
            done.release()

        self.hand_in(parameters, told)
        if not done.acquire(timeout=ANSWER_WITHIN[connection.vendor]):
            raise OperationalError("not written in time")
        if isinstance(became[0], Exception):
            raise became[0]
        return became[0]

    def hand_in(self, parameters: insert_sql.Parameters, told: Told) -> None:
        """Queue a delivery. `told` is called in the writer's thread with whether it was stored, or the error."""
        with self._lock:
            self._waiting.put(_Delivery(parameters, told))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write, name="deliveries", daemon=True)
                self._thread.start()

    def is_full(self) -> bool:
        """Return whether so many deliveries wait that another one would be answered too late."""
        return self._waiting.qsize() >= _MOST_WAITING

    @tenant_scope.unscoped()
    def _write(self) -> None:
        while first := self._next():
            # Each batch has patience of its own: one that timed out must not make the next ones give up at once.
            with patience.of_one_request():
                _write_batch([first], self._come)
        connection.close()

    def _next(self) -> _Delivery | None:
        """Return the next delivery; None when the thread ends after idling. The next delivery starts a new thread."""
        with suppress(Empty):
            return self._waiting.get(timeout=_IDLE_AFTER)
        with self._lock:
            if not self._waiting.empty():
                return self._waiting.get()
            self._thread = None
        return None

    def _come(self) -> list[_Delivery]:
        """Return the deliveries that wait beside the first."""
        more: list[_Delivery] = []
        with suppress(Empty):
            while len(more) < _MOST_AT_ONCE - 1:
                more.append(self._waiting.get_nowait())
        return more


def _write_batch(batch: list[_Delivery], come: Callable[[], list[_Delivery]] = list) -> None:
    """Write a batch in one transaction; if one delivery fails, each in its own. Pass each result on once it is known.

    come: returns further deliveries for this transaction. It is called once the transaction has begun: another process
    may delay that, and deliveries that come meanwhile need not wait for a second commit.
    """
    on = _ON[connection.vendor]
    try:
        with on.transaction() as write:
            batch.extend(come())
            stored = write([delivery.parameters for delivery in batch])
    except Exception as error:  # noqa: BLE001 - any error is passed to the callers that wait
        connection.close()
        if len(batch) > 1 and on.is_of_one(error):
            _write_each(batch)
            return
        # If the database is unreachable, the deliveries that came meanwhile fail too.
        for delivery in batch if on.is_of_one(error) else [*batch, *come()]:
            delivery.answer(error=error)
    else:
        for delivery, is_stored in zip(batch, stored, strict=True):
            delivery.answer(stored=is_stored)


def _write_each(batch: list[_Delivery]) -> None:
    """Write each delivery alone; after an OperationalError the same trigger's next ones fail without waiting again."""
    failed: dict[Any, Exception] = {}
    for delivery in batch:
        trigger = delivery.parameters.trigger
        if isinstance(failed.get(trigger), OperationalError):
            delivery.answer(error=failed[trigger])
            continue
        _write_batch([delivery])
        if delivery.error is not None:
            failed[trigger] = delivery.error


GROUP_COMMIT = GroupCommit()
