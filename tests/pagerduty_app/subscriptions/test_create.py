"""A trigger makes its own webhook, once, also after a crash or a lost response; and renews its secret."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.client import Api
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, people, publish
from tests.support.consent import consented
from tests.support.relay import Relay, relay
from tests.support.sandbox_webhooks import (
    ACCOUNT,
    Killed,
    _held_to_the_contract,
    asked,
    audited,
    connection,
    kept,
    make,
    open_incident,
    prove,
    row,
    theirs,
    told,
    trigger,
    turn,
)
from workflows.catalog import Reach
from workflows.inbox import secrets
from workflows.models import Run, Subscription, Trigger
from workflows.subscriptions import create, reconciler, requests
from workflows.subscriptions.lease import SubscriptionLease
from workflows.triggers import lifecycle

__all__ = ["_held_to_the_contract", "connection", "kept", "relay", "trigger"]
pytestmark = pytest.mark.django_db
HOOKS = "/webhook_subscriptions"


def test_the_row_says_so_before_anything_leaves_and_then_one_is_made(
    trigger: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    assert row(trigger, "making").sent_at is None
    assert asked(sandbox) == []

    turn()

    (made,) = theirs(sandbox)
    assert made["url"] == trigger.url
    assert made["events"] == ["incident.triggered"]
    assert made["filter"] == {"type": "account_reference"}
    on = row(trigger, "on")
    assert on.external_id == made["id"]
    assert on.secret is not None
    assert on.secret.value() == made["secret"]
    assert made["secret"] not in on.secret.secret
    assert audited("webhook_made") == [
        {"trigger": "New incidents", "webhook": made["id"], "reach": {"kind": "account", "id": ""}}
    ]

    assert relay.let_in(1) == [202], "it was asked to prove itself"
    turn()
    trigger.refresh_from_db()
    assert trigger.confirmed_at is not None
    assert row(trigger, "on").confirmed_at is not None


def test_the_secret_is_in_no_log_line(
    trigger: Trigger, sandbox: Sandbox, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        prove(trigger, relay)

    (made,) = theirs(sandbox)
    assert made["secret"] not in caplog.text


def test_without_the_optional_scopes_nothing_is_asked(db: None, sandbox: Sandbox, relay: Relay) -> None:
    who = people()
    made = make(consented(who.alice, who.acme, sandbox), "triggered")
    turn()

    assert not made.subscriptions.exists()
    assert asked(sandbox) == []
    with pytest.raises(Problem, match="lacks permission to set up webhooks"):
        requests.set_up(actor=SYSTEM, trigger=made)


def test_scopes_that_were_asked_for_but_not_granted_leave_everything_as_before(
    db: None, sandbox: Sandbox, relay: Relay
) -> None:
    sandbox.faults.scopes = list(catalog_scopes())
    who = people()
    made = make(consented(who.alice, who.acme, sandbox, optional=["webhooks"]), "triggered")

    assert made.connection.status == "active"
    assert not made.subscriptions.exists()


def catalog_scopes() -> list[str]:
    from pagerduty_app.oauth.scopes import SCOPES

    return ["openid", *SCOPES]


def test_it_can_be_limited_to_a_service(trigger: Trigger, sandbox: Sandbox, relay: Relay) -> None:
    trigger.subscriptions.all().delete()
    requests.set_up(actor=SYSTEM, trigger=trigger, reach=Reach("service", "PSVC00"))
    turn()

    assert [one["filter"] for one in theirs(sandbox)] == [{"type": "service_reference", "id": "PSVC00"}]


@pytest.mark.parametrize("where", ["before the request", "before the commit", "in the commit", "after it"])
def test_a_crash_leaves_one_webhook_whose_secret_is_known(
    where: str, trigger: Trigger, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = sandbox.subscribe(ACCOUNT, "https://elsewhere.example/hook", [], {"type": "account_reference"})
    by_hand = sandbox.subscribe(ACCOUNT, trigger.url, [], {"type": "account_reference"})
    targets: dict[str, tuple[Any, str]] = {
        "before the request": (Api, "create_webhook"),
        "before the commit": (create, "keep"),
        "in the commit": (requests, "record"),
        "after it": (create, "prove"),
    }

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*targets[where], die)
        with pytest.raises(Killed):
            turn()
    assert Subscription.objects.filter(lease_until__gt=timezone.now()).exists(), "claimed by a dead worker"
    turn(rounds=2)

    ours = [one for one in theirs(sandbox, trigger) if one["id"] != by_hand["id"]]
    assert len(ours) == 1
    on = row(trigger, "on")
    assert on.external_id == ours[0]["id"]
    assert on.secret is not None
    assert on.secret.value() == ours[0]["secret"]
    assert Subscription.objects.count() == 1
    lost = where in ("before the commit", "in the commit")
    assert len(audited("webhook_removed")) == lost
    ids = [one["id"] for one in theirs(sandbox)]
    assert foreign["id"] in ids
    assert by_hand["id"] in ids, "until the new one has proved itself"
    deleted = [line for line in asked(sandbox) if line.startswith("DELETE")]
    assert len(deleted) == lost


def test_a_lost_answer_is_as_a_crash(trigger: Trigger, sandbox: Sandbox, relay: Relay) -> None:
    sandbox.faults.add([{"kind": "lose_answer", "method": "POST", "path": f"{HOOKS}$", "times": 2}])
    turn(rounds=4)

    (made,) = theirs(sandbox)
    assert row(trigger, "on").external_id == made["id"]
    assert len(audited("webhook_removed")) == 2


def test_what_happened_while_a_lost_webhook_was_there_is_recovered(
    trigger: Trigger, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(create, "keep", die)
        with pytest.raises(Killed):
            turn()
    relay.answers = [503]
    incident = open_incident(sandbox)
    relay.refused(0)
    turn()
    relay.let_in(1)
    turn()

    (event,) = told(trigger)
    assert event.is_recovered
    assert event.lane == incident["id"]


def test_a_webhook_made_by_hand_goes_when_the_new_one_works(
    db: None, sandbox: Sandbox, relay: Relay, connection: Connection
) -> None:
    made = make(connection, "triggered")
    made.subscriptions.all().delete()
    by_hand = sandbox.subscribe(ACCOUNT, made.url, [], {"type": "account_reference"})
    secrets.add_secret(actor=SYSTEM, trigger=made, secret=by_hand["secret"])
    requests.set_up(actor=SYSTEM, trigger=made)

    turn()
    assert len(theirs(sandbox, made)) == 2
    relay.let_in(1)
    turn()

    (left,) = theirs(sandbox, made)
    assert left["id"] == row(made, "on").external_id


def test_a_refusal_that_will_not_pass_is_said_and_leaves_the_guide(
    trigger: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    for _ in range(10):
        sandbox.subscribe(ACCOUNT, "https://elsewhere.example/", [], {"type": "account_reference"})
    turn()

    failed = row(trigger, "failed")
    assert failed.error is not None
    assert failed.error["code"] == "invalid_at_provider"
    assert failed.next_attempt_at is None
    requests.set_up(actor=SYSTEM, trigger=trigger)
    assert row(trigger, "making").attempts == 0


def test_a_pagerduty_that_is_away_is_asked_again_later(
    trigger: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    sandbox.faults.add([{"kind": "status", "status": 503, "path": HOOKS, "times": 2}])
    turn()
    waiting = row(trigger, "making")
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > timezone.now()
    turn(rounds=2)

    assert len(theirs(sandbox)) == 1
    assert row(trigger, "on").attempts == 0


def test_two_wishes_at_once_are_one(kept: Trigger, sandbox: Sandbox) -> None:
    with pytest.raises(Problem, match="already manages its webhook"):
        requests.set_up(actor=SYSTEM, trigger=kept)
    requests.rotate(actor=SYSTEM, trigger=kept)
    with pytest.raises(Problem, match="being rotated"):
        requests.rotate(actor=SYSTEM, trigger=kept)


@pytest.mark.parametrize("newest_first", [False, True])
def test_rotating_the_secret_loses_nothing_and_starts_nothing_twice(
    newest_first: bool, kept: Trigger, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    publish(kept, connection)
    (old,) = theirs(sandbox)
    requests.rotate(actor=SYSTEM, trigger=kept)
    turn()
    assert {row.status for row in kept.subscriptions.all()} == {"on", "replaced"}
    newer = next(one for one in theirs(sandbox) if one["id"] != old["id"])
    relay.let_in(1)

    open_incident(sandbox, "While there are two")
    relay.let_in(2, newest_first=newest_first)
    assert len(told(kept)) == 1
    assert Run.objects.count() == 1
    assert kept.turned_away.get().verdict == "duplicate"

    turn(rounds=3)
    assert [one["id"] for one in theirs(sandbox)] == [newer["id"]]
    open_incident(sandbox, "Signed anew")
    assert relay.let_in(1) == [202]
    assert len(told(kept)) == 2
    assert len(audited("webhook_rotated")) == 1

    assert kept.secrets.filter(retired_at__isnull=True).count() == 2, "what is under way still counts"
    gone = row(kept, "removed")
    assert gone.next_attempt_at is not None
    assert gone.next_attempt_at > timezone.now() + timedelta(hours=47)
    Subscription.objects.filter(pk=gone.pk).update(next_attempt_at=timezone.now())
    turn()
    (left,) = kept.secrets.filter(retired_at__isnull=True)
    assert left.value() == newer["secret"]


def test_the_old_webhook_stays_until_the_new_one_has_proved_itself(
    kept: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    requests.rotate(actor=SYSTEM, trigger=kept)
    relay.answers = [503] * 50
    turn(rounds=6)

    assert len(theirs(sandbox)) == 2
    assert row(kept, "replaced").external_id


def test_a_crash_after_the_old_one_is_gone_ends_as_without_it(
    kept: Trigger, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.rotate(actor=SYSTEM, trigger=kept)
    turn()
    relay.let_in(1)
    confirming = SubscriptionLease.claim(row(kept, "on"))
    assert confirming is not None
    reconciler.tend(confirming)

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(requests, "record", die)
        with pytest.raises(Killed):
            turn()
    assert len(theirs(sandbox)) == 1, "it is gone there, and the row does not say so yet"
    assert row(kept, "replaced").external_id
    turn()

    assert row(kept, "removed").ended_at is not None
    assert [one["id"] for one in theirs(sandbox)] == [row(kept, "on").external_id]
    assert len(audited("webhook_rotated")) == 1


def test_a_crash_while_rotating_takes_the_lost_one_and_leaves_the_old(
    kept: Trigger, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = theirs(sandbox)
    requests.rotate(actor=SYSTEM, trigger=kept)

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(create, "keep", die)
        with pytest.raises(Killed):
            turn()
    assert len(theirs(sandbox)) == 2
    turn()

    ids = {one["id"] for one in theirs(sandbox)}
    assert ids == {old["id"], row(kept, "on").external_id}


@pytest.mark.parametrize("redact", [[], ["event.occurred_at"]])
def test_two_changes_of_a_kind_in_a_short_time_stay_two_while_there_are_two_webhooks(
    redact: list[str], connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    made = make(connection, "note-added")
    lifecycle.change(actor=SYSTEM, trigger=made, changes={"redact": redact})
    prove(made, relay)
    requests.rotate(actor=SYSTEM, trigger=made)
    turn()
    relay.let_in(1)
    incident, user = open_incident(sandbox), sandbox.person(ACCOUNT)
    for text in ("First", "Second"):
        sandbox.incidents.annotate(ACCOUNT, user, incident["id"], text)
    relay.let_in(4)

    notes = [event.payload["event"]["data"]["content"] for event in told(made, "incident.annotated")]
    assert sorted(notes) == ["First", "Second"]
