"""PagerDuty does not answer, refuses, or says nothing: it is asked again, and people read why."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from connections.connecting.revoke import revoke
from connections.models import Connection, Grant, NotificationFact
from connections.signals import connection_restored
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.pagerduty_app.triggers.on_call_changes.watching import (
    DAY,
    HOUR,
    MINUTE,
    NINE,
    ROTATION,
    At,
    fault,
    said,
    watch,
)
from tests.support.browser import path, signed_in, text
from tests.support.present import present
from workflows.models import Trigger

pytestmark = pytest.mark.django_db


def test_a_pagerduty_that_does_not_answer_is_asked_again_and_nothing_is_missed(
    at: At, sandbox: Sandbox, trigger: Trigger, who: People
) -> None:
    fault(sandbox, status=503, times=3)
    moment = NINE
    for failures in (1, 2, 3):
        assert at(moment) == []
        row = watch()
        assert (row.failures, present(row.trouble)["code"], row.trouble_since) == (
            failures,
            "provider_error",
            NINE,
        )
        assert moment < row.next_look_at <= moment + 8 * timedelta(seconds=1)
        moment = row.next_look_at
    page = text(signed_in(who.bob).get(path("detail", trigger)))
    assert "Polling failed" in page
    assert "missed events will be backfilled" in page

    assert [said(row) for row in at(moment)] == [("30T09:00", "Dana", "Eli")]
    assert (watch().failures, watch().trouble, watch().trouble_since) == (0, None, None)


def test_it_waits_for_as_long_as_pagerduty_asks(at: At, sandbox: Sandbox) -> None:
    fault(sandbox, "rate_limit", retry_after="400")
    at(NINE)

    assert NINE + timedelta(seconds=400) <= watch().next_look_at <= NINE + timedelta(seconds=440)
    assert present(watch().trouble)["code"] == "rate_limited"


def test_a_schedule_that_is_gone_is_said_to_be(at: At, sandbox: Sandbox) -> None:
    sandbox.store.delete("schedule", ROTATION)

    assert at(NINE) == []

    assert present(watch().trouble)["code"] == "not_found_at_provider"
    assert watch().next_look_at <= NINE + 5 * MINUTE


@pytest.mark.parametrize(("status", "told"), [("active", 1), ("error", 0)])
def test_people_are_notified_once_where_it_lasts_and_the_connection_works(
    at: At, sandbox: Sandbox, trigger: Trigger, status: str, told: int
) -> None:
    sandbox.store.delete("schedule", ROTATION)
    Connection.objects.update(status=status)
    for failures in range(1, 9):
        at(watch().next_look_at if failures > 1 else NINE)
        assert watch().failures == failures
        assert NotificationFact.objects.count() == (told if failures >= 6 else 0)
    for fact in NotificationFact.objects.all():
        assert (fact.kind, fact.data["path"]) == ("trigger_cannot_look", f"/triggers/{trigger.pk}/")
        assert fact.data["reason"]


@pytest.mark.parametrize("broken", ["entries", "entry", "users"])
def test_an_answer_that_says_nothing_is_no_hand_over(
    at: At, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pagerduty_app.client import Api

    answers: dict[str, Any] = {
        "entries": {"schedule": {"id": ROTATION, "final_schedule": {"name": "Final Schedule"}}},
        "entry": {"schedule": {"final_schedule": {"rendered_schedule_entries": [{"start": "soon"}]}}},
        "users": {"user": None},
    }
    method = "user" if broken == "users" else "schedule"
    with monkeypatch.context() as patch:
        patch.setattr(Api, method, lambda *args: answers[broken])
        assert at(NINE) == []
    assert present(watch().trouble)["message"] == "PagerDuty's answer does not say who is on call."

    assert len(at(NINE + MINUTE)) == 1


def test_while_reconnection_is_needed_it_waits_and_then_makes_good(
    at: At, connection: Connection, sandbox: Sandbox, who: People, trigger: Trigger
) -> None:
    Connection.objects.update(status="error")
    assert at(NINE) == []
    assert present(watch().trouble)["code"] == "reconnection_needed"
    at(NINE + HOUR)
    assert "Reconnection needed" in text(signed_in(who.bob).get(path("detail", trigger)))
    Connection.objects.update(status="active")

    with time_machine.travel(NINE + HOUR + timedelta(seconds=1), tick=False):
        connection_restored.send(sender=Connection, connection=connection)

    (told,) = at(NINE + HOUR + timedelta(seconds=1))
    assert (said(told), told["recovered"]) == (("30T09:00", "Dana", "Eli"), True)


def test_a_token_that_is_refused_is_replaced_once(at: At, sandbox: Sandbox) -> None:
    before = Grant.objects.get().generation
    fault(sandbox, status=401)

    assert len(at(NINE)) == 1
    assert Grant.objects.get().generation == before + 1


def test_after_a_revocation_nobody_looks(at: At, connection: Connection, sandbox: Sandbox) -> None:
    revoke(actor=SYSTEM, connection=connection)
    sandbox.requests.clear()

    assert at(NINE + DAY) == []

    assert not sandbox.requests
    assert Trigger.objects.get().status == "closed"


@pytest.mark.parametrize("scope", ["schedules.read", "users.read"])
def test_a_scope_that_is_missing_is_named(at: At, connection: Connection, scope: str) -> None:
    Grant.objects.update(scopes_granted=[one for one in connection.grant.scopes_granted if one != scope])

    assert at(NINE) == []

    assert (present(watch().trouble)["code"], present(watch().trouble)["detail"]) == (
        "missing_scope",
        {"scope": scope},
    )


def test_these_two_scopes_are_enough(at: At, sandbox: Sandbox, connection: Connection) -> None:
    grant = next(row for row in sandbox.store.all("grant") if row["account"] == "PACME01")
    sandbox.store.put("grant", grant["id"], grant | {"scopes": ["schedules.read", "users.read"]})
    Grant.objects.update(scopes_granted=["schedules.read", "users.read"])

    assert len(at(NINE)) == 1
