"""A type that people named and PagerDuty refuses: the webhook delivers the others, and the page says so."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Connection, NotificationFact, User
from pagerduty_app.sandbox.rest import subscriptions
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES
from tests.factories import SYSTEM
from tests.support.browser import signed_in, text
from tests.support.relay import Relay, relay
from tests.support.sandbox_webhooks import (
    ACCOUNT,
    _held_to_the_contract,
    asked,
    connection,
    disable,
    open_incident,
    prove,
    row,
    theirs,
    told,
    turn,
)
from workflows.models import Subscription, Trigger
from workflows.subscriptions import event_types, requests, state
from workflows.triggers import health, lifecycle

__all__ = ["_held_to_the_contract", "connection", "relay"]
pytestmark = pytest.mark.django_db
KNOWN, TOMORROW, OTHER_KIND = "incident.escalated", "incident.renamed", "schedule.renamed"
WHY = "events has an unknown event type."
PARTLY = (
    f"PagerDuty refused a webhook for the event types {TOMORROW}, {OTHER_KIND}: {WHY} Its other events are delivered. "
    "Check the names, or add a webhook for them alone in PagerDuty."
)


def any_of(connection: Connection, *kinds: str) -> Trigger:
    options = {"event_types": list(kinds)}
    return lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/any-event", name="Any", options=options
    )


def page(trigger: Trigger) -> str:
    browser: Client = signed_in(User.objects.get(email="alice@alice.example"))
    return text(browser.get(reverse("triggers:detail", args=[trigger.pk])))


def change_types(trigger: Trigger, *kinds: str) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": {"event_types": list(kinds)}})


def learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty knows the types of tomorrow."""
    monkeypatch.setattr(subscriptions, "EVENT_TYPES", (*EVENT_TYPES, TOMORROW, OTHER_KIND))


def writes(sandbox: Sandbox) -> list[str]:
    return [line for line in asked(sandbox) if not line.startswith("GET") and not line.endswith("/ping")]


def test_what_pagerduty_refuses_leaves_the_other_types_working(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, OTHER_KIND, KNOWN, TOMORROW)
    prove(trigger, relay)

    (webhook,) = theirs(sandbox, trigger)
    assert webhook["events"] == [KNOWN]
    assert state.of(trigger).key == "types_refused"
    assert PARTLY in page(trigger)
    incident = open_incident(sandbox)
    sandbox.announce(ACCOUNT, KNOWN, incident, incident, None)
    relay.let_in(1)
    assert len(told(trigger, KNOWN)) == 1


def test_the_same_is_not_asked_again_before_tomorrow(
    connection: Connection, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = any_of(connection, OTHER_KIND, KNOWN, TOMORROW)
    prove(trigger, relay)
    turn()
    sandbox.requests.clear()
    turn()
    assert writes(sandbox) == []
    assert PARTLY in page(trigger)

    learn(monkeypatch)
    trigger.subscriptions.update(tidied_at=None)
    turn()
    assert len(writes(sandbox)) == 1
    assert theirs(sandbox)[0]["events"] == sorted([OTHER_KIND, KNOWN, TOMORROW])
    assert state.of(trigger).key == "works"


def concerns(trigger: Trigger) -> list[tuple[str, str]]:
    (listed,) = health.with_facts(Trigger.objects.filter(pk=trigger.pk))
    return [(concern.tone, concern.words) for concern in health.of(listed).concerns]


def test_people_are_notified_once_and_the_trigger_needs_attention(
    connection: Connection, sandbox: Sandbox, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = any_of(connection, OTHER_KIND, KNOWN, TOMORROW)
    prove(trigger, relay)
    turn(rounds=2)

    (fact,) = NotificationFact.objects.all()
    assert (fact.kind, fact.data["title"]) == ("event_types_refused", "Event types refused: Any")
    assert (fact.data["reason"], fact.data["path"]) == (PARTLY, f"/triggers/{trigger.pk}/")
    missing = f"does not deliver the event types {TOMORROW}, {OTHER_KIND}: PagerDuty refuses them."
    assert concerns(trigger) == [("warning", f"The webhook of this trigger {missing}")]

    learn(monkeypatch)
    trigger.subscriptions.update(tidied_at=None)
    turn()
    assert concerns(trigger) == []
    assert NotificationFact.objects.count() == 1


def test_the_same_types_are_one_notification_also_after_a_failed_check(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, KNOWN, TOMORROW)
    prove(trigger, relay)
    sandbox.faults.add([{"kind": "status", "status": 503, "path": "webhook_subscriptions", "times": 1}])
    turn(rounds=2)
    change_types(trigger, KNOWN, TOMORROW, OTHER_KIND)
    turn()

    first, again, more = NotificationFact.objects.order_by("pk").values_list("group", flat=True)
    assert first == again != more


@pytest.mark.parametrize("kinds", [[TOMORROW], [TOMORROW, KNOWN]])
def test_a_type_that_is_added_later_and_refused_changes_nothing_else(
    kinds: list[str], connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    """Also what was missed is recovered, and the webhook is tidied up, as without it."""
    trigger = any_of(connection, KNOWN)
    prove(trigger, relay)
    disable(sandbox, theirs(sandbox)[0])
    change_types(trigger, *kinds)
    turn()

    assert theirs(sandbox)[0]["events"] == [KNOWN]
    on = row(trigger, "on")
    assert on.gap_since is None
    assert on.recovered is not None
    assert f"refused a webhook for the event type {TOMORROW}: {WHY}" in page(trigger)
    assert ("Its other events are delivered." in page(trigger)) == (KNOWN in kinds)
    assert [tone for tone, _ in concerns(trigger)] == ["warning" if KNOWN in kinds else "error"]
    assert "Check the name, or add a webhook for it" in page(trigger)

    change_types(trigger, KNOWN)
    turn()
    assert state.of(trigger).key == "works"


def test_with_refused_types_alone_there_is_no_webhook_and_the_page_says_what_to_do(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, TOMORROW)
    turn()

    assert theirs(sandbox) == []
    assert state.of(trigger).key == "failed"
    assert (
        f"The webhook could not be created: PagerDuty refused a webhook for the event type {TOMORROW}: {WHY} "
        "Try again, or set it up manually as described below."
    ) in page(trigger)


def test_a_manual_webhook_stays_if_the_new_one_would_not_deliver_as_much(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, KNOWN, TOMORROW)
    trigger.subscriptions.all().delete()
    by_hand = sandbox.subscribe(ACCOUNT, trigger.url, [], {"type": "account_reference"})
    requests.set_up(actor=SYSTEM, trigger=trigger)
    turn()

    assert [one["id"] for one in theirs(sandbox)] == [by_hand["id"]]
    assert row(trigger, "failed").error is not None
    assert f"refused a webhook for the event type {TOMORROW}" in page(trigger)


def test_a_manual_webhook_for_the_refused_type_survives_a_rotation(
    connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, KNOWN, TOMORROW)
    prove(trigger, relay)
    (first,) = theirs(sandbox)
    by_hand = sandbox.subscribe(ACCOUNT, trigger.url, [], {"type": "account_reference"})
    requests.rotate(actor=SYSTEM, trigger=trigger)
    turn()
    relay.let_in(1)
    turn(rounds=2)

    left = {one["id"] for one in theirs(sandbox)}
    assert left == {by_hand["id"], row(trigger, "on").external_id}
    assert first["id"] not in left


def test_another_refusal_is_told_as_it_is(connection: Connection, sandbox: Sandbox, relay: Relay) -> None:
    for _ in range(10):
        sandbox.subscribe(ACCOUNT, "https://elsewhere.example/", [], {"type": "account_reference"})
    trigger = any_of(connection, KNOWN, TOMORROW)
    turn()

    error = row(trigger, "failed").error
    assert error is not None
    assert error["code"] != event_types.REFUSED
    assert "There are 10 webhook subscriptions of this kind already." in page(trigger)


@pytest.mark.parametrize("status", [403, 503])
def test_only_a_refusal_of_the_content_is_taken_for_one_of_types(
    status: int, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    trigger = any_of(connection, KNOWN)
    prove(trigger, relay)
    change_types(trigger, KNOWN, TOMORROW)
    fault: dict[str, Any] = {"kind": "status", "status": status, "method": "PUT"}
    sandbox.faults.add([{**fault, "path": "webhook_subscriptions"}])
    turn()

    error = Subscription.objects.get(status="on").error
    assert error is not None
    assert error["code"] != event_types.REFUSED
