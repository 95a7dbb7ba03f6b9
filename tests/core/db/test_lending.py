"""Lent connections: threads share few, hold none while they wait, and leave none inside a transaction."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connection, connections, transaction

from connections.models import Account
from core.db import lending

pytestmark = pytest.mark.django_db(transaction=True)
_PATIENCE = 30


@pytest.fixture
def lender(request: pytest.FixtureRequest) -> Iterator[lending.Lender]:
    size = getattr(request, "param", 2)
    made = lending.Lender(size)
    yield made
    for _ in range(size):
        wrapper, _used_at = made._free.get_nowait()
        if wrapper is not None:
            wrapper.close()


def session() -> int:
    """The connection that the thread has borrowed, borrowed now if it had none."""
    connection.cursor().close()
    return id(connections["default"].connection)


def in_threads(lender: lending.Lender, *works: Callable[[], Any]) -> list[Any]:
    def on_loan(work: Callable[[], Any]) -> Any:
        with lender.loan():
            return work()

    with ThreadPoolExecutor(len(works)) as threads:
        begun = [threads.submit(copy_context().run, on_loan, work) for work in works]
        return [one.result(_PATIENCE) for one in begun]


def test_many_threads_share_as_many_connections_as_there_are(lender: lending.Lender) -> None:
    together = threading.Barrier(2)

    def ask() -> int:
        used = session()
        together.wait(_PATIENCE)  # two have one each at this moment
        lending.give_back()
        return used

    assert len(set(in_threads(lender, *[ask] * 6))) == 2


@pytest.mark.parametrize("lender", [1], indirect=True)
def test_one_that_waits_holds_none(lender: lending.Lender) -> None:
    waits, done = threading.Event(), threading.Event()

    def wait() -> bool:
        Account.objects.create(name="Waiting")
        lending.give_back()
        waits.set()
        assert done.wait(_PATIENCE), "the other one got no connection"
        return Account.objects.filter(name="Meanwhile").exists()

    def meanwhile() -> None:
        waits.wait(_PATIENCE)
        Account.objects.update(name="Meanwhile")
        lending.give_back()
        done.set()

    assert in_threads(lender, wait, meanwhile) == [True, None]


def test_a_transaction_keeps_its_connection(lender: lending.Lender) -> None:
    def give_back_inside() -> None:
        with transaction.atomic():
            Account.objects.create(name="Never")
            lending.give_back()

    with pytest.raises(RuntimeError, match="transaction is open"):
        in_threads(lender, give_back_inside)

    assert not Account.objects.exists()
    assert in_threads(lender, session)


def test_what_a_thread_leaves_open_is_undone_and_locks_nothing(lender: lending.Lender) -> None:
    def leave() -> None:
        transaction.atomic().__enter__()
        Account.objects.create(name="Left open")

    in_threads(lender, leave)

    Account.objects.create(name="Later")
    assert [account.name for account in Account.objects.all()] == ["Later"]
    assert len(in_threads(lender, session, session)) == 2


@pytest.mark.postgresql
def test_a_connection_that_broke_is_opened_anew(lender: lending.Lender) -> None:
    def break_it() -> None:
        connection.cursor().close()
        connections["default"].connection.close()
        with pytest.raises(Exception, match="closed"):
            Account.objects.exists()

    in_threads(lender, break_it)

    assert in_threads(lender, Account.objects.exists, Account.objects.exists) == [False, False]


def test_nobody_waits_for_ever() -> None:
    with pytest.raises(OperationalError, match="became free"):
        in_threads(lending.Lender(0, longest=0.01), session)


def test_a_thread_with_a_connection_of_its_own_keeps_it(lender: lending.Lender) -> None:
    own = connections["default"]

    lending.give_back()
    with lender.loan():
        assert connections["default"] is not own
        with pytest.raises(RuntimeError, match="already"), lender.loan():
            pass

    assert connections["default"] is own


def test_a_request_that_needs_no_database_borrows_nothing() -> None:
    """Django asks each connection of a thread for its state as a request begins and ends."""
    lender = lending.Lender(0, longest=0.0)

    def request() -> bool:
        request_started.send(sender=None)
        request_finished.send(sender=None)
        return connection.in_atomic_block

    assert in_threads(lender, request) == [False]


def test_what_a_connection_is_needs_no_database() -> None:
    """Modules ask for it while they are loaded, and would wait for a database that hangs."""
    lender = lending.Lender(1)

    def look() -> bool:
        return bool(connection.vendor) and connection.connection is None

    assert in_threads(lender, look) == [True]
