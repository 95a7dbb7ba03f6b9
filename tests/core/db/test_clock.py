"""The clock is the database's, also while this machine's clock is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.db import clock

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
learn = clock.learn


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the machine has been running, to be set."""
    seconds = [1000.0]
    monkeypatch.setattr(clock, "running", lambda: seconds[0])
    return seconds


def test_without_a_server_it_is_this_machine_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)

    assert clock.now() == NOON


def test_time_goes_on_from_what_the_database_said(
    running: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(NOON, asked=running[0])
    monkeypatch.setattr(timezone, "now", lambda: NOON + timedelta(days=1))  # the machine's clock is set

    running[0] += 90

    assert clock.now() == NOON + timedelta(seconds=90)


def test_a_slow_answer_counts_only_where_it_contradicts_what_is_known(running: list[float]) -> None:
    running[0] += 2
    learn(NOON, asked=running[0] - 2)
    assert clock.now() == NOON + timedelta(seconds=1), "half of the way it took"

    learn(NOON + timedelta(seconds=0.5), asked=running[0] - 2)
    assert clock.now() == NOON + timedelta(seconds=1), "it may be right"

    learn(NOON + timedelta(seconds=0.5), asked=running[0] - 0.02)
    assert clock.now() == NOON + timedelta(seconds=0.51), "a quick one knows better"

    learn(NOON + timedelta(hours=1), asked=running[0] - 2)
    assert clock.now() == NOON + timedelta(hours=1, seconds=1), "another server, or a long sleep"


def test_a_slow_answer_is_asked_for_again_until_a_quick_one_comes(
    running: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "learn", learn)
    seconds = iter([2.0, 0.4, 0.02, 0.02])

    def database_time() -> datetime:
        running[0] += next(seconds)
        return NOON + timedelta(seconds=running[0])

    clock.ask(database_time)

    assert list(seconds) == [0.02], "the third was quick"
    assert abs(clock.now() - NOON - timedelta(seconds=running[0])) <= timedelta(seconds=0.01)


def test_a_machine_on_which_all_answers_are_slow_goes_by_them(
    running: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "learn", learn)
    asked: list[datetime] = []

    def database_time() -> datetime:
        running[0] += 1
        asked.append(NOON)
        return NOON

    clock.ask(database_time)

    assert len(asked) == 5
    assert clock.now() == NOON + timedelta(seconds=0.5)


def test_each_new_connection_asks_for_the_time(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def quick(at: datetime, asked: float) -> bool:
        told.append((at, asked))
        return True

    monkeypatch.setattr(clock, "learn", quick)

    connection.close()
    connection.ensure_connection()

    if connection.vendor == "postgresql":
        [(at, asked)] = told
        assert abs(at - timezone.now()) < timedelta(seconds=60)
        assert 0 <= clock.running() - asked < 60
        assert connection.get_autocommit()
    else:
        assert told == []
