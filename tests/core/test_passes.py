"""Passes: in a worker process each kind in its thread, one at a time, and none wish for one is lost."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from core import passes
from core.db import tenant_scope

_PATIENCE = 30.0


class Work:
    """A pass that lasts until it may end. begun: released each time that one begins."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.at_once = self.most_at_once = 0
        self.scopes = list[tenant_scope.Scope]()
        self.kind = passes.Pass("work", self)

    def __call__(self) -> int:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.scopes.append(tenant_scope.current())
        self.begun.release()
        assert self.may_end.acquire(timeout=_PATIENCE)
        self.at_once -= 1
        return 7

    def wait_for_one(self) -> None:
        assert self.begun.acquire(timeout=_PATIENCE)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def _process(monkeypatch: pytest.MonkeyPatch, work: Work) -> Iterator[None]:
    monkeypatch.setattr(passes, "_process", None)
    passes.use_threads(nullcontext)
    yield
    passes.stop()
    work.may_end.release(10)
    ended()


def ended() -> None:
    for thread in threading.enumerate():
        if thread.name == "work":
            thread.join(_PATIENCE)
            assert not thread.is_alive()


def test_without_threads_a_pass_is_made_at_once(work: Work) -> None:
    work.may_end.release()

    assert work.kind.make() == 7
    assert (passes.stopping(), passes.longest()) == (False, 0.0)


@pytest.mark.usefixtures("_process")
def test_a_wish_during_a_pass_leads_to_one_more_and_never_to_two_at_once(work: Work) -> None:
    with tenant_scope.scoped(tenant_scope.NOTHING):
        assert work.kind.make() == 0
    work.wait_for_one()
    for _ in range(3):
        assert work.kind.make() == 0
    assert passes.longest() > 0.0

    work.may_end.release()
    work.wait_for_one()
    work.may_end.release()
    ended()

    assert (work.most_at_once, len(work.scopes)) == (1, 2)
    assert work.scopes[0] == tenant_scope.NOTHING
    assert passes.longest() == 0.0


@pytest.mark.usefixtures("_process")
def test_a_kind_waits_for_no_other(work: Work) -> None:
    other = Work()
    work.kind.make()
    work.wait_for_one()

    other.kind.make()

    other.wait_for_one()
    other.may_end.release()


@pytest.mark.usefixtures("_process")
def test_one_that_breaks_is_made_again_when_it_is_wished_for(work: Work) -> None:
    broke = threading.Event()

    def breaks() -> int:
        broke.set()
        raise RuntimeError("our own fault")

    kind = passes.Pass("work", breaks)
    for _ in range(2):
        kind.make()
        assert broke.wait(_PATIENCE)
        ended()
        broke.clear()


@pytest.mark.usefixtures("_process")
def test_none_begins_once_the_process_ends(work: Work) -> None:
    work.kind.make()
    work.wait_for_one()
    work.kind.make()

    passes.stop()
    assert passes.stopping()
    work.may_end.release()
    ended()

    assert work.kind.make() == 0
    ended()
    assert len(work.scopes) == 1
