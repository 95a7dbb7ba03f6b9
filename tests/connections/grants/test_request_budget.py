"""The budget of requests: spaced before a provider refuses, stopped when it does, shared by all who use it."""

from collections import deque
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from connections.grants.request_budget import Budget, Exhausted, key_of
from connections.models import Connection, OAuthApp, RequestBudget, Workspace
from pagerduty_app.client import Limits
from tests.factories import connect

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000.0


@pytest.fixture
def connection(workspace: Workspace) -> Connection:
    return connect(workspace)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travelling:
        yield travelling


def taken_at_once(budget: Budget, most: int = 2000) -> int:
    """How many requests may go before one has to wait."""
    for number in range(most):
        try:
            budget.take()
        except Exhausted:
            return number
    return most


def answer(**says: Any) -> Limits:
    return Limits(
        **({"limit": None, "remaining": None, "reset": None, "refused": False, "retry_after": None} | says)
    )


def test_a_quarter_of_a_minute_may_go_at_once_and_background_work_leaves_half_of_it(
    clock: Any, connection: Connection
) -> None:
    assert taken_at_once(Budget(connection, background=True)) == 120
    assert taken_at_once(Budget(connection)) == 120


def test_no_minute_wherever_it_begins_sees_more_than_the_allowance(
    clock: Any, connection: Connection
) -> None:
    budget, window, most = Budget(connection), deque[float](), 0
    now = NOW
    while now < NOW + 130:
        try:
            budget.take()
        except Exhausted:
            now += 0.5
            clock.move_to(now)
            continue
        window.append(now)
        while window[0] <= now - 60:
            window.popleft()
        most = max(most, len(window))

    assert 900 <= most <= 960


def test_those_who_have_to_come_again_come_one_after_the_other(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    taken_at_once(budget)

    turns = []
    for _ in range(3):
        with pytest.raises(Exhausted) as spent:
            budget.take()
        turns.append(spent.value.at)

    assert turns[0] > NOW
    assert [round(later - earlier, 3) for earlier, later in pairwise(turns)] == [0.083, 0.083]


def test_a_moment_is_waited_for_in_place(connection: Connection) -> None:
    with time_machine.travel(NOW, tick=True):
        budget = Budget(connection)
        taken_at_once(budget)
        budget.take(patience=0.5)


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        ({"retry_after": 30.0}, 30),
        ({"limit": 960, "remaining": 0, "reset": 12.0}, 12),
        ({}, 5),
    ],
    ids=["Retry-After", "ratelimit-reset", "neither"],
)
def test_a_refusal_stops_everybody_until_its_reset(
    clock: Any, connection: Connection, refusal: dict[str, Any], seconds: float
) -> None:
    Budget(connection).answered(answer(refused=True, **refusal))

    with pytest.raises(Exhausted) as spent:
        Budget(connection, background=True).take()
    assert spent.value.blocked
    assert spent.value.at >= NOW + seconds

    clock.move_to(NOW + seconds + 0.01)
    Budget(connection).take()


def test_refusals_that_name_no_time_stop_for_longer_each_time_and_for_a_minute_at_most(
    clock: Any, connection: Connection
) -> None:
    now, blocks = NOW, []
    for _ in range(6):
        Budget(connection).answered(answer(refused=True))
        until = RequestBudget.objects.get().blocked_until
        blocks.append(round(until - now))
        now = until + 1
        clock.move_to(now)
    assert blocks == [5, 10, 20, 40, 60, 60]

    clock.move_to(now + 300)
    Budget(connection).answered(answer(refused=True))
    assert round(RequestBudget.objects.get().blocked_until - (now + 300)) == 5


def test_what_somebody_else_uses_of_the_allowance_is_not_used_twice(
    clock: Any, connection: Connection
) -> None:
    budget = Budget(connection)
    budget.take()
    budget.answered(answer(limit=960, remaining=30, reset=40.0))
    assert taken_at_once(budget) == 30


def test_a_last_rest_is_left_until_the_reset(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    budget.take()
    budget.answered(answer(limit=960, remaining=19, reset=40.0))
    with pytest.raises(Exhausted) as spent:
        budget.take()
    assert spent.value.at >= NOW + 40


def test_another_limit_is_learnt_from_an_answer(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    budget.take()
    budget.answered(answer(limit=96, remaining=95, reset=60.0))
    RequestBudget.objects.update(full_until=0)

    assert taken_at_once(Budget(connection)) == 24


def test_one_person_and_app_have_one_budget_and_others_have_their_own(
    clock: Any, connection: Connection, workspace: Workspace
) -> None:
    same, other = connect(workspace, "Same person"), connect(workspace, "Somebody else")
    other.external_user_id = "POTHER"

    taken_at_once(Budget(connection))
    assert taken_at_once(Budget(same)) == 0
    assert taken_at_once(Budget(other)) == 240
    assert key_of(same) == key_of(connection) != key_of(other)


def test_requests_that_were_made_already_count_whether_there_is_room_or_not(
    clock: Any, connection: Connection
) -> None:
    budget = Budget(connection)
    budget.take()
    budget.add(300)
    with pytest.raises(Exhausted) as spent:
        budget.take()
    assert spent.value.at > NOW + 5


def test_an_answer_to_the_first_request_of_all_needs_no_row(clock: Any, connection: Connection) -> None:
    Budget(connection).answered(answer(limit=960, remaining=959, reset=60.0))
    assert not RequestBudget.objects.exists()


@pytest.mark.parametrize("limit", [1, 3, 7])
@pytest.mark.parametrize("background", [True, False])
def test_however_small_a_limit_is_told_an_empty_bucket_has_room_for_one(
    clock: Any, connection: Connection, limit: int, background: bool
) -> None:
    Budget(connection).take()
    Budget(connection).answered(answer(limit=limit, remaining=limit, reset=60.0))
    clock.move_to(NOW + 100)

    Budget(connection, background=background).take()

    with pytest.raises(Exhausted) as spent:
        Budget(connection, background=background).take()
    assert spent.value.at <= NOW + 100 + 80 / limit + 0.1


def test_a_limit_of_nothing_is_not_believed(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    budget.take()
    budget.answered(answer(limit=0, remaining=0, reset=60.0))
    budget.take()


def test_those_whom_somebody_waits_for_do_not_queue_behind_background_work(
    clock: Any, connection: Connection
) -> None:
    taken_at_once(Budget(connection))
    for _ in range(100):
        with pytest.raises(Exhausted):
            Budget(connection, background=True).take()

    with pytest.raises(Exhausted) as spent:
        Budget(connection).take()
    assert spent.value.at < NOW + 0.2


def test_who_does_not_come_again_has_no_place_in_the_queue(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    taken_at_once(budget)
    before = RequestBudget.objects.get().queued_until
    for _ in range(5):
        with pytest.raises(Exhausted):
            budget.take(comes_again=False)
    assert RequestBudget.objects.get().queued_until == before


def test_a_clock_that_was_ahead_keeps_nobody_for_as_long(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    with time_machine.travel(NOW + 6 * 3600, tick=False):
        taken_at_once(budget)
        budget.answered(answer(refused=True, retry_after=3600.0))

    with pytest.raises(Exhausted) as spent:
        Budget(connection).take()
    assert spent.value.at <= NOW + 300
    clock.move_to(NOW + 301)
    Budget(connection).take()


def test_others_are_not_kept_for_hours_by_what_one_call_was_told(clock: Any, connection: Connection) -> None:
    budget = Budget(connection)
    budget.take()
    budget.answered(answer(refused=True, retry_after=6 * 3600.0))
    clock.move_to(NOW + 301)
    Budget(connection).take()


def test_one_app_has_one_budget_wherever_it_was_entered(
    clock: Any, connection: Connection, workspace: Workspace
) -> None:
    elsewhere = Workspace.objects.create(account=workspace.account, name="Elsewhere")
    keys = set()
    for place in (workspace, elsewhere):
        app = OAuthApp.objects.create(workspace=place, provider="pagerduty", client_id="one-app")
        made = connect(place, "Own")
        made.grant.oauth_app = app
        keys.add(key_of(made))
    assert len(keys) == 1
    assert keys != {key_of(connection)}
