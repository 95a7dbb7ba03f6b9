"""The end of a worker process: what is under way ends, nothing more is begun, and the process does end."""

import multiprocessing
import threading
import uuid
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest

from core import passes
from tests.support.present import present
from workflows.queue import in_flight
from workflows.worker import starting

_PATIENCE = 30.0
ONE = uuid.UUID(int=1)


def told(of: Any) -> threading.Event:
    """Set when `of.stop` has been called."""
    ended, stop = threading.Event(), of.stop

    def stopped() -> None:
        stop()
        ended.set()

    of.stop = stopped
    return ended


def with_work_in_flight(pipe: Pipe) -> None:
    """As django-q2 runs a worker process: its main thread returns while work is in flight."""
    starter = starting.use_threads()
    ended = told(starter.place)

    def work() -> None:
        ended.wait(_PATIENCE)
        pipe.send((in_flight.moves_to("another"), starter.place.reserve(ONE, None) is None))

    present(starter.place.reserve(ONE, "a")).begin(work)


def with_a_pass_under_way(pipe: Pipe) -> None:
    starting.use_threads()
    ended = told(passes)

    def work() -> int:
        ended.wait(_PATIENCE)
        pipe.send((not passes.stopping(), kind.make() == 0))
        return 1

    kind = passes.Pass("mail", work)
    kind.make()


@pytest.mark.parametrize("process_with", [with_work_in_flight, with_a_pass_under_way])
def test_its_last_work_takes_no_further_step_and_is_waited_for(process_with: Callable[[Pipe], None]) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=process_with, args=(theirs,))
    process.start()
    try:
        assert ours.poll(_PATIENCE), "the work never learned of the end"
        assert ours.recv() == (False, True)
        process.join(_PATIENCE)
        assert process.exitcode == 0
        assert not ours.poll(), "another pass was begun"
    finally:
        process.kill()
