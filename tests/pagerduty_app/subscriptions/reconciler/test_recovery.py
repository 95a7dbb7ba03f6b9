"""What a webhook did not deliver is recovered once, and what cannot be is said."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.subscriptions import backfill
from tests.factories import publish
from tests.pagerduty_app.subscriptions.reconciler.unseen import notified, unseen
from tests.support.relay import Relay
from tests.support.sandbox_webhooks import (
    Killed,
    audited,
    change,
    disable,
    late,
    make,
    open_incident,
    prove,
    row,
    theirs,
    told,
    turn,
)
from workflows.catalog import Reach
from workflows.formatting.datetimes import moment
from workflows.inbox import store as storing
from workflows.models import Run, Subscription, Trigger

pytestmark = pytest.mark.django_db


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
