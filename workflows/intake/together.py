"""One thread of each process writes all deliveries that wait, in one transaction.

A commit waits for the disk, and on SQLite only one is made at a time; so it carries as many deliveries as have come
meanwhile. Whoever hands one in returns after the commit it is part of, or with the error that concerns it alone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from django.db import OperationalError, connection

from workflows.intake import on_postgresql, on_sqlite, rows

_MOST_AT_ONCE = 100
_ANSWER_WITHIN = 20.0
_IDLE_AFTER = 10.0
# Commits all of them and answers whether each was stored. Raises django.db.Error; then none was.
_COMMIT: dict[str, Callable[[list[rows.Parameters]], list[bool]]] = {
    "postgresql": on_postgresql.commit,
    "sqlite": on_sqlite.commit,
}


@dataclass
class _Delivery:
    parameters: rows.Parameters
    stored: bool = False
    error: Exception | None = None
    done: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done.acquire()


class Together:
    """The writer of this process; its thread is there while deliveries come."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Delivery] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def store(self, parameters: rows.Parameters) -> bool:
        """Whether it was stored, committed. Raises django.db.Error."""
        delivery = _Delivery(parameters)
        with self._lock:
            self._waiting.put(delivery)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write, name="deliveries", daemon=True)
                self._thread.start()
        if not delivery.done.acquire(timeout=_ANSWER_WITHIN):
            raise OperationalError("not written in time")
        if delivery.error is not None:
            raise delivery.error
        return delivery.stored

    def _write(self) -> None:
        while batch := self._next():
            _write_batch(batch)
            for delivery in batch:
                delivery.done.release()
        connection.close()

    def _next(self) -> list[_Delivery]:
        """What waits; [] when nothing came for a while: whoever comes next begins a new thread."""
        batch: list[_Delivery] = []
        try:
            batch.append(self._waiting.get(timeout=_IDLE_AFTER))
            while len(batch) < _MOST_AT_ONCE:
                batch.append(self._waiting.get_nowait())
        except Empty:
            pass
        if not batch:
            with self._lock:
                if not self._waiting.empty():
                    return [self._waiting.get()]
                self._thread = None
        return batch


def _write_batch(batch: list[_Delivery]) -> None:
    """All in one transaction, or each in its own where one of them fails."""
    try:
        stored = _COMMIT[connection.vendor]([delivery.parameters for delivery in batch])
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
        connection.close()
        if len(batch) == 1:
            batch[0].error = error
            return
        for delivery in batch:
            _write_batch([delivery])
    else:
        for delivery, is_stored in zip(batch, stored, strict=True):
            delivery.stored = is_stored


TOGETHER = Together()
