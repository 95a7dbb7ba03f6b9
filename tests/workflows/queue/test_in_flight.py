"""Work in flight: begun without waiting for the rest, within its bounds, and seen by whom it began for."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from core import node_slots, passes
from core.db import tenant_scope
from core.metrics import COUNTED
from tests.support.present import present
from tests.support.worker_threads import close
from workflows.queue import in_flight

pytestmark = pytest.mark.django_db(transaction=True)
_PATIENCE = 30
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def room() -> threading.Semaphore:
    """Released each time that there may be more room."""
    return threading.Semaphore(0)


@pytest.fixture
def place(room: threading.Semaphore, monkeypatch: pytest.MonkeyPatch) -> Iterator[in_flight.Threads]:
    monkeypatch.setattr(in_flight, "PER_CONNECTION", 2)
    made = in_flight.Threads(lambda made_due: room.release())
    yield made
    close(made)


@pytest.fixture
def held() -> Iterator[Callable[[], None]]:
    """Work that lasts until the test has ended."""
    free = threading.Event()

    def last() -> None:
        free.wait(_PATIENCE)

    yield last
    free.set()


def wait_for(room: threading.Semaphore) -> None:
    assert room.acquire(timeout=_PATIENCE)


def begin(
    place: in_flight.Threads, work: Callable[[], None], workspace: uuid.UUID, connection: str | None
) -> None:
    present(place.reserve(workspace, connection)).begin(work)


def test_a_connection_has_its_bound_and_no_other_is_kept(
    place: in_flight.Threads, held: Callable[[], None]
) -> None:
    for _ in range(2):
        begin(place, held, ONE, "a")

    assert place.reserve(ONE, "a") is None
    assert place.reserve(OTHER, "a") is None
    assert (place.full(), place.load(ONE), place.load(OTHER)) == (["a"], 2, 0)
    begin(place, held, ONE, "b")
    begin(place, held, ONE, None)


def test_all_workers_of_a_node_leave_slots_of_a_connection_to_web_requests(
    place: in_flight.Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PER_CONNECTION", 4)
    connection, another = str(uuid.uuid4()), in_flight.Threads(lambda made_due: None)
    reserved = [worker.reserve(ONE, connection) for worker in (place, another) for _ in range(5)]

    assert [piece is not None for piece in reserved] == ([True] * 4 + [False]) * 2
    web = [slot for _ in range(4) if (slot := place._node.take(connection, node_slots.OF_WEB)) is not None]
    assert len(web) == 2
    for slot in web:
        place._node.give_back(slot)
    for piece in filter(None, reserved):
        piece.cancel()
    close(another)


def test_a_workspace_leaves_places_to_others(
    place: in_flight.Threads, held: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PER_WORKSPACE", 2)
    monkeypatch.setattr(in_flight, "PLACES", 3)
    begin(place, held, ONE, "a")
    begin(place, held, ONE, "b")

    assert place.reserve(ONE, "c") is None
    begin(place, held, OTHER, "c")
    assert place.reserve(uuid.UUID(int=3), "d") is None


def test_room_that_is_given_up_is_there_again(place: in_flight.Threads) -> None:
    for _ in range(3):
        present(place.reserve(ONE, "a")).cancel()

    assert (place.full(), place.load(ONE)) == ([], 0)


def broken() -> None:
    raise SystemExit("our own fault")


@pytest.mark.parametrize("work", [lambda: None, broken], ids=["well", "badly"])
def test_what_has_ended_makes_room(
    place: in_flight.Threads, room: threading.Semaphore, work: Callable[[], None]
) -> None:
    begin(place, work, ONE, "a")

    wait_for(room)

    assert (place.full(), place.load(ONE)) == ([], 0)


def test_work_goes_on_with_another_connection_only_if_that_has_room(
    place: in_flight.Threads, room: threading.Semaphore, held: Callable[[], None]
) -> None:
    for _ in range(2):
        begin(place, held, ONE, "full")
    said: list[Any] = []

    def moving() -> None:
        said.append([in_flight.moves_to(to) for to in ("a", "full", "free", None)])

    begin(place, moving, ONE, "a")
    for _ in range(3):  # two moves, and the end
        wait_for(room)

    assert said == [[True, False, True, True]]
    assert (place.full(), place.load(ONE)) == (["full"], 2)


def test_what_is_in_flight_is_a_figure_beside_the_places(
    place: in_flight.Threads, room: threading.Semaphore, held: Callable[[], None]
) -> None:
    def figures() -> list[float | None]:
        return [COUNTED.get_sample_value(f"taskjuice_in_flight{name}") for name in ("", "_places")]

    assert figures() == [0, in_flight.PLACES]
    begin(place, held, ONE, "a")
    reserved = present(place.reserve(OTHER, None))
    assert figures() == [2, in_flight.PLACES]
    reserved.cancel()
    assert figures() == [1, in_flight.PLACES]


def test_work_sees_the_rows_that_its_starter_sees(
    place: in_flight.Threads, room: threading.Semaphore
) -> None:
    seen: list[tenant_scope.Scope] = []
    for scope in (tenant_scope.NOTHING, tenant_scope.EVERYTHING):
        with tenant_scope.scoped(scope):
            begin(place, lambda: seen.append(tenant_scope.current()), ONE, None)
        wait_for(room)

    assert seen == [tenant_scope.NOTHING, tenant_scope.EVERYTHING]


def test_nothing_is_begun_and_no_step_follows_once_the_process_ends(
    place: in_flight.Threads, room: threading.Semaphore
) -> None:
    stopped, said = threading.Event(), list[bool]()

    def work() -> None:
        stopped.wait(_PATIENCE)
        said.append(in_flight.moves_to("a"))

    begin(place, work, ONE, "a")
    late = present(place.reserve(ONE, "a"))
    place.stop()
    stopped.set()
    wait_for(room)

    assert (place.reserve(ONE, "b"), said) == (None, [False])
    place._threads.shutdown()
    late.begin(lambda: said.append(True))  # what was claimed already is done all the same
    assert said == [False, True]


def test_a_process_whose_work_is_stuck_ends_at_its_next_task(
    place: in_flight.Threads, held: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    exits: list[int] = []
    monkeypatch.setattr("os._exit", exits.append)
    monkeypatch.setattr(in_flight, "_place", place)
    begin(place, held, ONE, "a")
    in_flight.leave_if_stuck()
    assert exits == []

    monkeypatch.setattr(in_flight, "_STUCK_SECONDS", -1.0)
    in_flight.leave_if_stuck()
    assert exits == [1]


def test_so_does_one_whose_pass_is_stuck(held: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[int] = []
    monkeypatch.setattr("os._exit", exits.append)
    monkeypatch.setattr(in_flight, "_STUCK_SECONDS", 0.0)
    monkeypatch.setattr(passes, "_process", None)
    passes.use_threads(nullcontext)
    in_flight.leave_if_stuck()
    assert exits == []

    def hangs() -> int:
        held()
        return 0

    passes.Pass("mail", hangs).make()
    in_flight.leave_if_stuck()
    assert exits == [1]


def test_without_threads_each_piece_is_done_before_the_next() -> None:
    done: list[int] = []
    place = in_flight.current()

    for number in range(3):
        present(place.reserve(ONE, "a")).begin(partial(done.append, number))

    assert (done, place.full(), place.load(ONE), in_flight.moves_to("b")) == ([0, 1, 2], [], 0, True)


def test_work_that_no_thread_begins_is_done_once(
    place: in_flight.Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that cannot start a thread keeps the work all the same, for one that becomes free."""
    free, done = threading.Event(), list[str]()

    def wait() -> None:
        free.wait(_PATIENCE)

    begin(place, wait, ONE, "a")

    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    begin(place, lambda: done.append(threading.current_thread().name), OTHER, "b")
    free.set()
    monkeypatch.undo()
    place._threads.shutdown()

    assert done == ["MainThread"]
    assert (place.load(ONE), place.load(OTHER), place.full()) == (0, 0, [])
