"""Slots of web requests: within their bounds, one workspace leaves room to others, and a connection to its workers."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings

from core import node_slots, request_slots
from core.db import lending
from core.errors import Problem
from core.request_slots import RequestSlots
from taskjuice.http.gateway import Gateway

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def node() -> node_slots.NodeSlots:
    return node_slots.NodeSlots(None, node_slots.PER_CONNECTION)


@pytest.fixture
def slots(node: node_slots.NodeSlots, monkeypatch: pytest.MonkeyPatch) -> RequestSlots:
    monkeypatch.setattr(request_slots, "_PATIENCE_SECONDS", 0.05)
    return RequestSlots(node)


@pytest.fixture
def taken() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def fits(slots: RequestSlots, workspace: uuid.UUID, connection: uuid.UUID) -> bool:
    with slots.slot(workspace, connection) as free:
        return free


def test_a_workspace_leaves_room_to_others(slots: RequestSlots, taken: ExitStack) -> None:
    for _ in range(request_slots.MOST_OF_WORKSPACE):
        assert taken.enter_context(slots.slot(ONE, uuid.uuid4()))

    assert not fits(slots, ONE, uuid.uuid4())
    assert fits(slots, OTHER, uuid.uuid4())
    taken.close()
    assert fits(slots, ONE, uuid.uuid4())


def test_a_revocation_is_not_refused_for_what_its_workspace_waits_for(
    slots: RequestSlots, taken: ExitStack
) -> None:
    for number in range(request_slots.MOST):
        taken.enter_context(slots.slot(uuid.UUID(int=number), uuid.uuid4()))
    busiest = uuid.UUID(int=0)

    assert not fits(slots, OTHER, uuid.uuid4())
    with slots.thread(busiest, of="revocation") as may_wait:
        assert may_wait
    for _ in range(request_slots.MOST):
        taken.enter_context(slots.thread(busiest, of="revocation"))
    with slots.thread(busiest, of="revocation") as may_wait:
        assert not may_wait


def test_consents_leave_the_slots_of_revocations_free(slots: RequestSlots, taken: ExitStack) -> None:
    consents = [taken.enter_context(slots.thread(ONE, of="consent")) for _ in range(request_slots.MOST)]

    assert consents.count(True) == request_slots.MOST_OF_OTHERS > request_slots.MOST_OF_WORKSPACE
    with slots.thread(OTHER, of="revocation") as may_wait:
        assert may_wait


def test_a_connection_leaves_slots_of_the_node_to_workers(
    slots: RequestSlots, node: node_slots.NodeSlots, taken: ExitStack
) -> None:
    connection = uuid.uuid4()
    for _ in node_slots.OF_WEB:
        assert taken.enter_context(slots.slot(ONE, connection))

    assert not fits(slots, ONE, connection)
    assert not fits(slots, OTHER, connection)
    assert fits(slots, ONE, uuid.uuid4())
    assert node.take(str(connection), node_slots.OF_WORKERS) is not None


def test_however_busy_the_workers_are_a_connection_has_slots_for_people(
    slots: RequestSlots, node: node_slots.NodeSlots
) -> None:
    connection = uuid.uuid4()
    for _ in range(node_slots.PER_CONNECTION):
        node.take(str(connection), node_slots.OF_WORKERS)

    assert fits(slots, ONE, connection)


def test_a_thread_may_wait_on_when_it_has_given_the_connection_back(
    slots: RequestSlots, node: node_slots.NodeSlots, taken: ExitStack
) -> None:
    connection = uuid.uuid4()
    for _ in range(request_slots.MOST_OF_WORKSPACE):
        assert taken.enter_context(slots.thread(ONE))
        with slots.connection(connection) as free:
            assert free

    assert not fits(slots, ONE, connection)
    assert fits(slots, OTHER, connection)


def test_one_that_is_counted_elsewhere_waits_for_its_turn(slots: RequestSlots, taken: ExitStack) -> None:
    connection = uuid.uuid4()
    with slots.in_turn(ONE, connection, patience=0.0):
        pass
    held = [slots.slot(ONE, connection) for _ in node_slots.OF_WEB]
    assert all(one.__enter__() for one in held)

    with pytest.raises(Problem, match="waiting for a provider"), slots.in_turn(ONE, connection, patience=0.0):
        pass
    threading.Timer(0.1, held[0].__exit__, (None, None, None)).start()
    with slots.in_turn(ONE, connection, patience=30.0):
        assert not fits(slots, ONE, connection)


def test_a_quarter_of_the_threads_is_always_free(slots: RequestSlots, taken: ExitStack) -> None:
    def count(take: Callable[[], bool]) -> int:
        return sum(take() for _ in range(settings.WEB_THREADS))

    gateway = Gateway(lambda *_: [], threads=settings.WEB_THREADS, largest=1)
    waits = count(lambda: taken.enter_context(slots.slot(uuid.uuid4(), uuid.uuid4())))
    waits += count(lambda: taken.enter_context(slots.thread(ONE, of="revocation")))
    streams = count(lambda: gateway._streams.acquire(blocking=False))

    assert (waits, streams) == (16, 8)
    assert settings.WEB_THREADS - waits - streams >= settings.WEB_THREADS / 4


def test_a_request_waits_a_moment_for_its_connection(
    node: node_slots.NodeSlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_slots, "_PATIENCE_SECONDS", 30.0)
    slots, connection, waits = RequestSlots(node), uuid.uuid4(), threading.Event()
    taken = [slots.slot(ONE, connection) for _ in node_slots.OF_WEB]
    assert all(one.__enter__() for one in taken)
    # It looks at once whether there is a slot, and says so when it has to wait.
    monkeypatch.setattr(lending, "give_back", waits.set)
    found: list[bool] = []
    waiting = threading.Thread(target=lambda: found.append(fits(slots, ONE, connection)))
    waiting.start()
    assert waits.wait(30)
    assert not found
    for one in taken:
        one.__exit__(None, None, None)
    waiting.join(30)

    assert found == [True]
