"""A webhook of a trigger's own is watched, put right, and removed; what it missed is recovered."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.connecting.revoke import receipt_of, revoke
from connections.grants.request_budget import Budget, Exhausted
from connections.models import Connection, NotificationFact
from core import node_slots
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.subscriptions import backfill
from tests.factories import SYSTEM, publish
from tests.support.connection_slots import taken_slots
from tests.support.present import present
from tests.support.relay import Relay, relay
from tests.support.sandbox_webhooks import (
    ACCOUNT,
    Killed,
    _held_to_the_contract,
    asked,
    audited,
    change,
    connection,
    disable,
    kept,
    late,
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
from workflows.formatting.datetimes import moment
from workflows.inbox import secrets
from workflows.inbox import store as storing
from workflows.models import Run, Subscription, Trigger
from workflows.queue import turns
from workflows.subscriptions import reconciler, remove, requests, state
from workflows.triggers import health, lifecycle

__all__ = ["_held_to_the_contract", "connection", "kept", "relay", "trigger"]
pytestmark = pytest.mark.django_db
Json = dict[str, Any]


def unseen(sandbox: Sandbox, kept: Trigger, title: str = "Nobody was told") -> Json:
    """An incident that happened while the webhook was disabled."""
    (subscription,) = theirs(sandbox, kept)
    disable(sandbox, subscription)
    return open_incident(sandbox, title)


def notified() -> list[str]:
    """The titles of what people are to be notified of, one a time that it happened."""
    return [str(fact.data["title"]) for fact in NotificationFact.objects.order_by("pk")]


def test_three_refusals_disable_it_and_it_is_enabled_again(
    kept: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    relay.answers = [401, 401, 401]
    for number in range(3):
        open_incident(sandbox, f"Refused {number}")
        relay.refused(2 - number)
    end = time.monotonic() + 10
    while not theirs(sandbox)[0]["disabled_until"]:
        assert time.monotonic() < end
    open_incident(sandbox, "Never sent")

    turn()

    (subscription,) = theirs(sandbox)
    assert subscription["disabled_until"] == 0
    assert len(audited("webhook_enabled")) == 1
    assert notified() == [f"Webhook disabled: {kept.name}"]
    events = told(kept)
    assert [event.payload["event"]["data"]["title"] for event in events] == [
        "Refused 0",
        "Refused 1",
        "Refused 2",
        "Never sent",
    ]
    assert all(event.is_recovered for event in events)


def test_what_was_recovered_starts_workflows_as_what_was_delivered(
    kept: Trigger, connection: Connection, sandbox: Sandbox
) -> None:
    publish(kept, connection)
    incident = unseen(sandbox, kept)
    turn()

    (event,) = told(kept)
    assert event.external_id == f"recovered:incident.triggered:{incident['id']}:{incident['created_at']}"
    assert event.payload["event"]["data"]["service"]["id"] == "PSVC00"
    assert Run.objects.get().event == event
    (summary,) = audited("changes_recovered")
    assert (summary["found"], summary["stored"]) == (1, 1)


def test_recovering_again_and_a_late_delivery_double_nothing(
    kept: Trigger, connection: Connection, sandbox: Sandbox
) -> None:
    publish(kept, connection)
    incident = unseen(sandbox, kept)
    turn()
    disable(sandbox, theirs(sandbox)[0])
    turn()
    assert len(audited("changes_recovered")) == 2

    assert late(kept, incident, "triggered", timezone.now().isoformat()) == 202
    assert len(told(kept)) == 1
    assert Run.objects.count() == 1
    assert kept.turned_away.get().verdict == "duplicate"


def test_what_was_delivered_before_is_not_recovered(kept: Trigger, sandbox: Sandbox, relay: Relay) -> None:
    open_incident(sandbox, "Delivered")
    relay.let_in(1)
    unseen(sandbox, kept)
    turn()

    assert [event.is_recovered for event in told(kept)] == [False, True]


def test_a_crash_in_the_middle_of_recovering_leaves_the_rest_for_the_next_turn(
    kept: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        unseen(sandbox, kept, f"Nobody was told {number}")
    store, calls = storing.store, []

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise Killed
        return store(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(storing, "store", dying)
        with pytest.raises(Killed):
            turn()
    assert len(told(kept)) == 2
    turn()

    assert len(told(kept)) == 3
    assert row(kept, "on").gap_since is None


@pytest.mark.parametrize("happens", ["acknowledged", "resolved"])
def test_acknowledgements_and_resolutions_are_recovered_too(
    happens: str, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    incident = open_incident(sandbox)
    made = make(connection, happens)
    prove(made, relay)
    disable(sandbox, theirs(sandbox, made)[0])
    change(sandbox, incident, happens)
    turn()

    (event,) = told(made, f"incident.{happens}")
    assert event.payload["event"]["data"]["status"] == happens
    assert event.payload["event"]["agent"]["summary"] == "Dana Rivera"
    at = event.payload["event"]["occurred_at"]
    assert late(made, incident, happens, at) == 202
    assert len(told(made, f"incident.{happens}")) == 1
    much_later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert late(made, incident, happens, much_later) == 202
    assert len(told(made, f"incident.{happens}")) == 2, "another change of the same kind"


def test_a_deadline_that_was_missed_counts_from_when_the_incident_was_triggered(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    made = make(connection, "not-acknowledged", minutes=10)
    prove(made, relay)
    (webhook,) = theirs(sandbox, made)
    types = ("acknowledged", "reopened", "resolved", "triggered", "unacknowledged")
    assert webhook["events"] == [f"incident.{name}" for name in types]

    disable(sandbox, webhook)
    incident = open_incident(sandbox)
    turn()
    told(made)
    created_at = moment(incident["created_at"])
    assert late(made, incident, "triggered", timezone.now().isoformat()) == 202
    told(made)

    deadline = made.deadlines.get()
    assert (deadline.subject, deadline.since, deadline.status) == (incident["id"], created_at, "open")


def test_what_cannot_be_recovered_is_said(connection: Connection, sandbox: Sandbox, relay: Relay) -> None:
    made = make(connection, "note-added")
    prove(made, relay)
    disable(sandbox, theirs(sandbox, made)[0])
    turn()

    recovered = row(made, "on").recovered
    assert recovered is not None
    assert recovered["words"] == "Notes added in the meantime cannot be recovered."


def test_types_of_which_nothing_shows_are_named_in_one_sentence(kept: Trigger) -> None:
    def words(*events: str) -> str:
        now = timezone.now()
        # Nothing is asked of PagerDuty.
        return backfill.missed(None, frozenset(events), Reach(), now, now).words  # type: ignore[arg-type]

    tasks = [f"incident.task.{what}" for what in ("completed", "created", "updated")]
    services = [f"service.{what}" for what in ("created", "deleted", "updated")]
    assert words("service.updated") == "Events of the type service.updated cannot be recovered."
    assert words(*tasks, *services) == (
        "Events of the types incident.task.completed, incident.task.created, incident.task.updated, service.created, "
        "service.deleted and 1 more cannot be recovered."
    )


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


def test_recovering_is_bounded_and_says_so(
    kept: Trigger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_MOST_FOUND", 2)
    for number in range(4):
        unseen(sandbox, kept, f"Nobody was told {number}")
    Subscription.objects.update(gap_since=timezone.now() - timedelta(days=20))
    turn()

    assert len(told(kept)) == 2
    recovered = row(kept, "on").recovered
    assert recovered is not None
    assert "Only the newest 2 of 4 changes were taken." in recovered["words"]
    assert "Nothing from before" in recovered["words"]


def test_one_that_is_gone_is_made_anew_and_what_it_missed_recovered(
    kept: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    (gone,) = theirs(sandbox)
    sandbox.store.delete("subscription", gone["id"])
    open_incident(sandbox, "While it was missing")
    turn(rounds=2)
    relay.let_in(1)
    turn()

    (made,) = theirs(sandbox)
    assert row(kept, "on").external_id == made["id"]
    assert len(audited("webhook_missing")) == 1
    (event,) = told(kept)
    assert event.is_recovered


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
