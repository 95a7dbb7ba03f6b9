"""What a worker does first, and that what comes after it has its turn."""

from types import SimpleNamespace
from typing import Any

import pytest
from django_q.signals import post_spawn

from connections import signals
from workflows import worker
from workflows.calls import pipeline
from workflows.engine import fanout, scheduler
from workflows.runs import bulk_replay
from workflows.subscriptions import reconciler
from workflows.triggers import polling

pytestmark = pytest.mark.django_db

OTHERS = [
    (bulk_replay, "advance_due"),
    (polling, "look_due"),
    (pipeline, "advance_due"),
    (reconciler, "tend_due"),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was asked what is due, in order; there is nothing anywhere."""
    asked: list[str] = []

    def listen(place: Any, name: str) -> None:
        called = f"{place.__name__.rpartition('.')[2]}.{name}"

        def nothing(until: float) -> Any:
            asked.append(called)
            return (0, False) if place in (polling, pipeline, reconciler) else 0

        monkeypatch.setattr(place, name, nothing)

    for place, name in [(fanout, "fan_out_due"), (scheduler, "advance_due"), *OTHERS]:
        listen(place, name)
    return asked


def test_an_event_goes_straight_on_to_its_runs(asked: list[str]) -> None:
    assert worker.drain() == 0

    assert asked[:2] == ["fanout.fan_out_due", "scheduler.advance_due"]
    assert set(asked[2:]) == {f"{place.__name__.rpartition('.')[2]}.{name}" for place, name in OTHERS}


def test_what_else_is_due_has_its_turn_while_events_come_without_end(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]

    def another(until: float) -> int:
        seconds[0] += worker._OTHERS_EVERY / 10
        return 1

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(fanout, "fan_out_due", another)

    worker.drain(budget=3.05 * worker._OTHERS_EVERY)

    assert asked.count("pipeline.advance_due") in (2, 3)
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
