"""Calls within the budget of requests: they wait as rows, with the reason, and nothing is sent or counted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.grants.request_budget import Budget, key_of
from connections.models import Connection, RequestBudget
from core.db.hot.batch import Batch
from tests.factories import API, DANA, SYSTEM, Ask, add_note, incident_event
from tests.support.present import present
from tests.support.rate_limits import lift_rate_limits
from workflows import worker
from workflows.calls import lookups, pipeline
from workflows.models import ActionCall, Run, Trace, Workflow

pytestmark = pytest.mark.django_db
NOTE = {"from": DANA, "incident_id": "PINC1", "content": "Look"}


def call(connection: Connection, action: str = "create-incident-note", **data: Any) -> ActionCall:
    return pipeline.call_action(
        actor=SYSTEM,
        connection=connection,
        action_key=f"pagerduty/{action}",
        data=data or NOTE,
        origin="api",
    )


def use_up(connection: Connection, *, seconds: float = 30.0, blocked: bool = False) -> None:
    later = timezone.now().timestamp() + seconds
    RequestBudget.objects.update_or_create(
        key=key_of(connection),
        defaults={"per_minute": 960, "blocked_until" if blocked else "full_until": later},
    )


def in_a_moment(call: ActionCall) -> ActionCall:
    ActionCall.objects.update(next_attempt_at=timezone.now())
    worker.drain()
    call.refresh_from_db()
    return call


@pytest.mark.parametrize(
    ("blocked", "words"), [(False, "960 requests a minute"), (True, "Rate limited by the provider")]
)
def test_a_call_beyond_the_budget_waits_and_says_why_and_until_when(
    connection: Connection, pagerduty: responses.RequestsMock, blocked: bool, words: str
) -> None:
    use_up(connection, blocked=blocked)

    made = call(connection)

    assert (made.status, made.attempts, made.unsure, made.first_sent_at) == ("waiting", 0, False, None)
    assert present(made.error)["code"] == "request_budget_spent"
    assert words in present(made.error)["message"]
    assert timedelta(seconds=9) < present(made.next_attempt_at) - timezone.now() < timedelta(seconds=31)
    assert len(pagerduty.calls) == 0


def test_it_goes_on_by_itself(connection: Connection, pagerduty: responses.RequestsMock) -> None:
    sent = add_note(pagerduty)
    use_up(connection)
    made = call(connection)
    assert in_a_moment(made).status == "waiting"

    lift_rate_limits()

    assert in_a_moment(made).status == "completed"
    assert sent.call_count == 1


def test_a_write_that_has_to_wait_for_its_turn_is_not_taken_for_sent(
    connection: Connection, pagerduty: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its check was the last request that there was room for."""
    count, left = Budget._count, 1

    def one_more(self: Budget, batch: Batch, now: float, then: Callable[[], None]) -> None:
        nonlocal left
        use_up(connection, seconds=0 if left > 0 else 30)
        left -= 1
        count(self, batch, now, then)

    monkeypatch.setattr(Budget, "_count", one_more)

    made = call(connection)

    assert (made.status, made.unsure, made.settles_at) == ("waiting", False, None)
    assert [sent.request.method for sent in pagerduty.calls] == ["GET"]
    assert not Trace.objects.exists()


def test_what_waited_in_vain_for_six_hours_fails_clearly(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    use_up(connection)
    made = call(connection)
    ActionCall.objects.update(created_at=timezone.now() - timedelta(hours=7))

    in_a_moment(made)

    assert (made.status, present(made.error)["code"]) == ("failed", "request_budget_spent")


def test_a_run_waits_with_its_step(
    deliver: Any, note_workflow: Workflow, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    use_up(connection)
    deliver(incident_event())
    worker.drain()

    run = Run.objects.get()
    assert (run.status, run.due_at) == ("waiting", ActionCall.objects.get().next_attempt_at)


def test_a_429_stops_the_other_calls_of_that_person(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.post(f"{API}/incidents/PINC1/notes", status=429, headers={"Retry-After": "20"})
    first = call(connection)
    asked = len(pagerduty.calls)

    second = call(connection, "get-incident", incident_id="PINC1")

    assert (present(first.error)["code"], present(second.error)["code"]) == (
        "rate_limited",
        "request_budget_spent",
    )
    assert len(pagerduty.calls) == asked
    assert present(second.next_attempt_at) > timezone.now() + timedelta(seconds=19)


def test_a_listing_of_everything_leaves_room_for_a_write(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    add_note(pagerduty)
    use_up(connection, seconds=12)

    assert present(call(connection, "list-users", all=True).error)["code"] == "request_budget_spent"
    assert call(connection).status == "completed"


def test_a_picker_says_that_it_has_to_wait(
    connection: Connection, pagerduty: responses.RequestsMock, ask: Ask
) -> None:
    use_up(connection, seconds=30)
    answer = ask("get", f"connections/{connection.pk}/lookups/pagerduty/user-emails/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "request_budget_spent")


def test_a_picker_counts_each_page_it_asked_for(
    connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    lookup = lookups.find(connection, "pagerduty/user-emails")
    lookups.choices(actor=SYSTEM, connection=connection, lookup=lookup)

    row = RequestBudget.objects.get()
    assert 0 < row.full_until - timezone.now().timestamp() < 0.084
