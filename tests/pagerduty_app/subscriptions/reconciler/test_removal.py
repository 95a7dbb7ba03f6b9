"""A webhook is removed with its trigger or its connection, also in the middle of being made."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.connecting.revoke import receipt_of, revoke
from connections.models import Connection
from core import node_slots
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM
from tests.support.connection_slots import taken_slots
from tests.support.present import present
from tests.support.sandbox_webhooks import (
    ACCOUNT,
    audited,
    row,
    theirs,
    turn,
)
from workflows.models import Trigger
from workflows.subscriptions import reconciler, remove, state
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


def test_a_deleted_trigger_takes_its_webhook_along(kept: Trigger, sandbox: Sandbox) -> None:
    foreign = sandbox.subscribe(ACCOUNT, "https://elsewhere.example/", [], {"type": "account_reference"})
    lifecycle.delete(actor=SYSTEM, trigger=kept)
    assert row(kept, "removing").next_attempt_at is not None
    turn()

    assert [one["id"] for one in theirs(sandbox)] == [foreign["id"]]
    assert row(kept, "removed").ended_at is not None
    assert len(audited("webhook_removed")) == 1


def test_a_trigger_deleted_in_the_middle_of_making_leaves_nothing(
    trigger: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflows.subscriptions import create as making

    keep = making.keep

    def deleting(turn_: Any, made: Any) -> None:
        lifecycle.delete(actor=SYSTEM, trigger=trigger)
        keep(turn_, made)

    monkeypatch.setattr(making, "keep", deleting)
    turn()
    assert len(theirs(sandbox)) == 1
    turn()

    assert theirs(sandbox) == []
    assert not trigger.secrets.exists()


def test_revoking_removes_it_while_there_are_tokens_and_the_receipt_says_so(
    kept: Trigger, connection: Connection, sandbox: Sandbox
) -> None:
    revoke(actor=SYSTEM, connection=connection)

    assert theirs(sandbox) == []
    assert row(kept, "removed").ended_at is not None
    connection.refresh_from_db()
    stopped = dict(receipt_of(connection)["stopped"])
    assert stopped["Webhooks removed at the provider"] == "1"
    assert not any("left" in what for what in stopped)


def test_revoking_removes_it_however_busy_the_connection_is(
    kept: Trigger, connection: Connection, sandbox: Sandbox
) -> None:
    with taken_slots(connection, range(node_slots.PER_CONNECTION)) as taken:
        revoke(actor=SYSTEM, connection=connection)

    assert taken == node_slots.PER_CONNECTION
    assert theirs(sandbox) == []


def test_a_webhook_that_cannot_be_removed_on_revoking_is_named_on_the_receipt(
    kept: Trigger, connection: Connection, sandbox: Sandbox
) -> None:
    sandbox.faults.add([{"kind": "status", "status": 500, "path": "webhook_subscriptions"}])
    revoke(actor=SYSTEM, connection=connection)

    assert row(kept, "left").next_attempt_at is None
    connection.refresh_from_db()
    assert connection.status == "revoked"
    stopped = dict(receipt_of(connection)["stopped"])
    assert stopped["Webhooks left at the provider, to be removed there manually"] == "1"
    kept.refresh_from_db()
    assert state.of(kept).key == "left"


def test_a_trigger_that_was_deleted_is_given_up_after_enough_attempts(
    kept: Trigger, sandbox: Sandbox
) -> None:
    sandbox.faults.add([{"kind": "status", "status": 500, "path": "webhook_subscriptions"}])
    lifecycle.delete(actor=SYSTEM, trigger=kept)
    turn(rounds=reconciler.MAX_ATTEMPTS)
    assert present(row(kept, "removing").next_attempt_at) > timezone.now() + timedelta(minutes=50), (
        "then every hour"
    )
    turn(rounds=reconciler.HOURLY)

    assert row(kept, "left").next_attempt_at is None
    assert len(audited("webhook_left")) == 1


def test_removing_twice_is_no_error(kept: Trigger, sandbox: Sandbox) -> None:
    (subscription,) = theirs(sandbox)
    sandbox.store.delete("subscription", subscription["id"])
    lifecycle.delete(actor=SYSTEM, trigger=kept)
    turn()

    assert row(kept, "removed")
    assert remove.remove_all(kept.connection) == 0


def test_what_ended_long_ago_is_forgotten(kept: Trigger, sandbox: Sandbox) -> None:
    lifecycle.delete(actor=SYSTEM, trigger=kept)
    turn()
    assert reconciler.prune() == 0
    kept.subscriptions.update(ended_at=timezone.now() - timedelta(days=31))
    assert reconciler.prune() == 1


def test_a_webhook_that_appears_after_its_answer_was_given_up_is_removed(
    kept: Trigger, sandbox: Sandbox
) -> None:
    (ours,) = theirs(sandbox)
    text = "Made by TaskJuice for “New incidents”."
    sandbox.subscribe(ACCOUNT, kept.url, [], {"type": "account_reference"}, text)
    turn()

    assert theirs(sandbox) == [ours]


def test_one_that_people_add_later_for_the_same_address_is_theirs(kept: Trigger, sandbox: Sandbox) -> None:
    added = sandbox.subscribe(ACCOUNT, kept.url, [], {"type": "service_reference", "id": "PSVC00"})
    turn(rounds=2)

    assert added["id"] in [one["id"] for one in theirs(sandbox)]
