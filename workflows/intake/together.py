"""One thread of each process writes all deliveries that wait, in one transaction.

A commit waits for the disk, and on SQLite only one is made at a time; so it carries as many deliveries as have come
meanwhile. Whoever hands one in returns after the commit it is part of, or with the error that concerns it alone.
"""

import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from django.db import OperationalError, connection

from workflows.intake import on_postgresql, on_sqlite, rows

_MOST_AT_ONCE = 100
_IDLE_AFTER = 10.0
# Seconds. On PostgreSQL whoever waits longer goes the ordinary way, on a connection of his own.
_ANSWER_WITHIN = {"postgresql": 2.0, "sqlite": 20.0}
_ON: dict[str, Any] = {"postgresql": on_postgresql, "sqlite": on_sqlite}


@dataclass
class _Delivery:
    parameters: rows.Parameters
    stored: bool = False
    error: Exception | None = None
    done: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done.acquire()

    def answer(self, *, stored: bool = False, error: Exception | None = None) -> None:
        """To whoever waits for it."""
        self.stored, self.error = stored, error
        self.done.release()


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
        if not delivery.done.acquire(timeout=_ANSWER_WITHIN[connection.vendor]):
            raise OperationalError("not written in time")
        if delivery.error is not None:
            raise delivery.error
        return delivery.stored

    def _write(self) -> None:
        while batch := self._next():
            _write_batch(batch)
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
    """All in one transaction, or each in its own where one of them fails; each is answered as soon as that is known."""
    on = _ON[connection.vendor]
    try:
        stored = on.commit([delivery.parameters for delivery in batch])
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to who waits for it
        connection.close()
        if len(batch) > 1 and on.is_of_one(error):
            _write_each(batch)
            return
        for delivery in batch:
            delivery.answer(error=error)
    else:
        for delivery, is_stored in zip(batch, stored, strict=True):
            delivery.answer(stored=is_stored)


def _write_each(batch: list[_Delivery]) -> None:
    """One by one; what one trigger's delivery has failed of, its next ones need not wait for again."""
    failed: dict[Any, Exception] = {}
    for delivery in batch:
        trigger = delivery.parameters.trigger
        if isinstance(failed.get(trigger), OperationalError):
            delivery.answer(error=failed[trigger])
            continue
        _write_batch([delivery])
        if delivery.error is not None:
            failed[trigger] = delivery.error


TOGETHER = Together()
