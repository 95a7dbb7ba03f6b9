"""No hand-over is lost or told twice, whenever a look ends."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from pagerduty_app.schedules import final_shifts
from tests.pagerduty_app.triggers.on_call_changes.watching import DAY, HOUR, MINUTE, NINE, At, said, watch
from tests.support.present import present
from workflows import worker
from workflows.inbox import store as storing
from workflows.models import Event, Trigger, Watch
from workflows.triggers import polling

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_a_crash_at_any_place_doubles_and_loses_nothing(
    at: At, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the answer in hand; with some of the events stored and the row moved; with all of them stored."""
    settle, store = polling._settle, storing.store
    stored: list[int] = []

    def killed_before(*args: Any) -> None:
        raise SystemExit

    def killed_between(*args: Any, **kwargs: Any) -> Any:
        stored.append(1)
        if len(stored) == 2:
            raise SystemExit
        return store(*args, **kwargs)

    def killed_after(*args: Any) -> None:
        settle(*args)
        raise SystemExit

    now = NINE + DAY + HOUR
    with monkeypatch.context() as patch:
        if place == "between":
            patch.setattr(storing, "store", killed_between)
        else:
            patch.setattr(polling, "_settle", {"before": killed_before, "after": killed_after}[place])
        with pytest.raises(SystemExit):
            at(now)
    assert Event.objects.count() == (2 if place == "after" else 0)
    assert (watch().looked_at == now) is (place == "after")
    if place != "after":
        assert at(now + timedelta(seconds=10)) == [], "its lease has not run out yet"

    assert [said(row)[1:] for row in at(now + 2 * MINUTE)] == [("Dana", "Eli"), ("Eli", "Farah")]


def test_a_look_that_keeps_killing_its_workers_is_made_ever_more_rarely(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(polling, "_ask", killed)
    moment = NINE
    for _ in range(9):
        with pytest.raises(SystemExit):
            at(moment)
        moment = max(watch().next_look_at, present(watch().lease_until) + timedelta(seconds=1))

    assert moment - NINE > 5 * MINUTE


def test_a_look_that_was_overtaken_comes_to_nothing(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ran out while PagerDuty was slow, and another worker has looked meanwhile."""
    read, slow = final_shifts.read_rota, list[int]()

    def late(*args: Any) -> Any:
        found = read(*args)
        if not slow:
            slow.append(1)
            at(NINE + 2 * MINUTE)
        return found

    monkeypatch.setattr(final_shifts, "read_rota", late)

    told = at(NINE)

    assert [said(row) for row in told] == [("30T09:00", "Dana", "Eli")]
    assert watch().looked_at == NINE + 2 * MINUTE


def test_one_claim_wins(trigger: Trigger) -> None:
    first, second = watch(), watch()

    assert polling._claim(first) is not None
    assert polling._claim(second) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Watch.objects.update(lease_holder=None)


def test_a_clock_that_is_behind_the_others_tells_nothing_twice(at: At) -> None:
    at(NINE + timedelta(seconds=2))

    for moment in (NINE - MINUTE, NINE - timedelta(seconds=1), NINE + timedelta(seconds=1)):
        Watch.objects.update(next_look_at=moment)
        assert len(at(moment)) == 1

    assert [said(row)[0] for row in at(NINE + DAY)] == ["30T09:00", "01T09:00"]


def test_the_watchdog_knows_when_a_look_is_due(trigger: Trigger) -> None:
    for moment, due in ((NINE - 4 * HOUR + 4 * MINUTE, False), (NINE - 4 * HOUR + 5 * MINUTE, True)):
        with time_machine.travel(moment, tick=False):
            assert worker.anything_due() is due
