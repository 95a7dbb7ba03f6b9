"""What a worker does first, and that what comes after it has its turn."""

from types import SimpleNamespace
from typing import Any

import pytest
from django_q.signals import post_spawn

from connections import signals
from workflows import worker
from workflows.engine import fanout, scheduler
from workflows.runs import bulk_replay
from workflows.worker import other_work

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was asked for what is due, in order; each says that there was nothing after all."""
    asked: list[str] = []

    def listener(called: str, answer: Any) -> Any:
        def nothing(*until: float) -> Any:
            asked.append(called)
            return answer

        return nothing

    for place, name in [(fanout, "fan_out_due"), (scheduler, "advance_due"), (bulk_replay, "advance_due")]:
        called = f"{place.__name__.rpartition('.')[2]}.{name}"
        monkeypatch.setattr(place, name, listener(called, 0))
    for kind in other_work.IN_FLIGHT:
        monkeypatch.setitem(other_work.IN_FLIGHT, kind, listener(kind, (0, False)))
    return asked


@pytest.fixture
def all_due(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every kind of other work, each of which is said to be due."""
    kinds = list(other_work._DUE)
    monkeypatch.setattr(other_work, "due", lambda: kinds)
    return kinds


def test_an_event_goes_straight_on_to_its_runs(asked: list[str], all_due: list[str]) -> None:
    assert worker.drain() == 0

    assert asked[:2] == ["fanout.fan_out_due", "scheduler.advance_due"]
    assert asked[2:] == ["bulk_replay.advance_due", *other_work.IN_FLIGHT]


def test_only_kinds_of_which_something_is_due_are_begun(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert other_work.due() == []
    monkeypatch.setattr(other_work, "due", lambda: ["deadlines"])

    worker.drain()

    assert asked[2:] == ["deadlines"]


def test_what_else_is_due_has_its_turn_while_events_come_without_end(
    asked: list[str], all_due: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]

    def another(until: float) -> int:
        seconds[0] += worker._OTHERS_EVERY / 10
        return 1

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(fanout, "fan_out_due", another)

    worker.drain(budget=3.05 * worker._OTHERS_EVERY)

    assert asked.count("calls") in (2, 3)
    assert asked.count("scheduler.advance_due") in (30, 31)


def test_what_is_imported_for_its_side_effects_is_imported() -> None:
    """No linter misses an import that nothing refers to: revocations would close nothing."""
    for signal in (
        post_spawn,
        signals.connection_restored,
        signals.connection_revoking,
        signals.connection_revoked,
    ):
        receivers = [receiver() for _, receiver, *_ in signal.receivers]
        assert any(one.__module__.startswith("workflows.worker") for one in receivers if one is not None), (
            signal
        )
