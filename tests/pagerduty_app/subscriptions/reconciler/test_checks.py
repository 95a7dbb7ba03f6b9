"""A webhook is checked, and put right where it differs."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.grants.request_budget import Budget, Exhausted
from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM
from tests.pagerduty_app.subscriptions.reconciler.unseen import notified, unseen
from tests.support.relay import Relay
from tests.support.sandbox_webhooks import (
    Killed,
    asked,
    audited,
    open_incident,
    row,
    theirs,
    told,
    turn,
)
from workflows.inbox import secrets
from workflows.models import Subscription, Trigger
from workflows.queue import turns
from workflows.subscriptions import reconciler, requests
from workflows.triggers import health, lifecycle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("key", "options", "events"),
    [
        ("service-updated", {}, ["service.updated"]),
        ("incident-changed", {"event_types": ["incident.escalated"]}, ["incident.escalated"]),
        (
            "any-event",
            {"event_types": ["service.deleted", "incident.delegated", "schedule.renamed"]},
            ["incident.delegated", "service.deleted"],
        ),
    ],
)
def test_a_webhook_delivers_the_types_of_its_trigger(
    connection: Connection, sandbox: Sandbox, key: str, options: Any, events: list[str]
) -> None:
    made = lifecycle.create(
        actor=SYSTEM, connection=connection, key=f"pagerduty/{key}", name="", options=options
    )
    turn()

    assert [one["events"] for one in theirs(sandbox, made)] == [events]


def test_waiting_for_the_budget_of_requests_is_no_attempt(
    kept: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The webhook is gone, and others use up the requests: it is made anew however long that takes."""
    (subscription,) = theirs(sandbox, kept)
    sandbox.store.delete("subscription", subscription["id"])
    turn()

    def spent(*args: Any, **kwargs: Any) -> None:
        raise Exhausted(time.time() + 5, blocked=False, per_minute=960)

    with monkeypatch.context() as patch:
        patch.setattr(Budget, "take", spent)
        for _ in range(2 * reconciler.MAX_ATTEMPTS):
            Subscription.objects.filter(status="making").update(next_attempt_at=timezone.now())
            reconciler.tend_due(time.monotonic() + 5)

    making = row(kept, "making")
    assert making.attempts == 0
    assert making.error is not None
    assert making.error["code"] == "request_budget_spent"


def test_one_that_somebody_switched_off_is_left_so_until_it_is_on_again(
    kept: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    (subscription,) = theirs(sandbox)
    sandbox.store.put("subscription", subscription["id"], subscription | {"active": False})
    open_incident(sandbox, "While it was off")
    turn()
    turn()
    assert row(kept, "on").trouble == "inactive"
    assert not theirs(sandbox)[0]["active"]
    assert notified() == [f"Webhook disabled: {kept.name}"]

    sandbox.store.put("subscription", subscription["id"], subscription | {"active": True})
    turn()
    assert row(kept, "on").trouble == ""
    assert len(told(kept)) == 1


def test_one_that_somebody_changed_is_put_right(kept: Trigger, sandbox: Sandbox) -> None:
    (subscription,) = theirs(sandbox)
    sandbox.store.put("subscription", subscription["id"], subscription | {"events": ["incident.resolved"]})
    turn()

    assert theirs(sandbox)[0]["events"] == ["incident.triggered"]


def test_looking_asks_for_one_and_not_for_all(kept: Trigger, sandbox: Sandbox) -> None:
    kept.subscriptions.update(made_at=timezone.now() - timedelta(hours=2))
    sandbox.requests.clear()
    turn()

    (subscription,) = theirs(sandbox)
    assert asked(sandbox) == [f"GET /webhook_subscriptions/{subscription['id']}"]


def test_what_waits_for_a_reconnection_goes_on_with_it(kept: Trigger, sandbox: Sandbox) -> None:
    Connection.objects.update(status="error")
    turn()
    on = row(kept, "on")
    assert on.error is not None
    assert on.error["code"] == "reconnection_needed"
    assert on.attempts == 0
    Connection.objects.update(status="active")
    turn()
    assert row(kept, "on").error is None


def test_a_paused_trigger_keeps_its_webhook_and_starts_nothing(kept: Trigger, sandbox: Sandbox) -> None:
    lifecycle.change(actor=SYSTEM, trigger=kept, changes={"status": "paused"})
    unseen(sandbox, kept)
    turn()

    (event,) = told(kept)
    assert event.status == "ignored"
    assert requests.allowed(kept.connection)


def test_a_secret_that_somebody_retired_is_replaced(kept: Trigger, sandbox: Sandbox, relay: Relay) -> None:
    on = row(kept, "on")
    assert on.secret is not None
    on.secret.trigger = kept
    secrets.retire_secret(actor=SYSTEM, secret=on.secret)
    turn(rounds=2)
    assert relay.let_in(1) == [202]
    turn(rounds=2)

    (left,) = theirs(sandbox, kept)
    assert left["id"] == row(kept, "on").external_id != on.external_id


def test_a_slow_pagerduty_ends_the_turn_and_not_the_worker(
    kept: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LONGEST_SECONDS", -1.0)
    turn()

    on = row(kept, "on")
    assert on.error is not None
    assert on.error["code"] == "provider_timeout"
    assert on.lease_until is None


def test_a_switched_off_webhook_shows_in_the_list_of_triggers(kept: Trigger, sandbox: Sandbox) -> None:
    kept.subscriptions.update(trouble="inactive")
    (listed,) = health.with_facts(Trigger.objects.filter(pk=kept.pk))

    assert [concern.short for concern in health.of(listed).concerns] == ["Webhook disabled"]


def test_a_crash_after_enabling_ends_as_without_it(
    kept: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen(sandbox, kept)

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(requests, "record", die)
        with pytest.raises(Killed):
            turn()
    assert theirs(sandbox)[0]["disabled_until"] == 0
    turn()

    assert len(audited("webhook_enabled")) == 1
    assert len(told(kept)) == 1
    assert row(kept, "on").trouble == ""
