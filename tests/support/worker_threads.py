"""This process as a worker with threads, for the length of a test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from core import passes
from workflows.queue import in_flight
from workflows.worker import starting

PATIENCE = 30.0


@contextmanager
def worker_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[starting.Starter]:
    """Begin what is due in threads inside the block. What is under way at its end has to end within PATIENCE."""
    monkeypatch.setattr(starting, "_starter", None)
    monkeypatch.setattr(in_flight, "_place", in_flight.current())
    monkeypatch.setattr(passes, "_process", None)
    starter = starting.use_threads()
    yield starter
    starter.stop()
    for thread in threading.enumerate():
        if thread.name in ("starter", "hooks", "mail"):
            thread.join(PATIENCE)
    close(starter.place)


def close(place: in_flight.Threads) -> None:
    """End its threads, and its connections to the database."""
    place._threads.shutdown()
    for _ in range(place._lender._free.qsize()):
        wrapper, _used_at = place._lender._free.get_nowait()
        if wrapper is not None:
            wrapper.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
