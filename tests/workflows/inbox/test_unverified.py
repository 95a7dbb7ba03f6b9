"""Deliveries that wait for a secret: bounded, and never stranded by what happens at the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from connections.models import Connection
from core.crypto import seal
from core.db import tenant_scope
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, Ask, incident_event
from workflows import worker
from workflows.inbox import receive, secrets
from workflows.inbox import unverified as holding
from workflows.models import Event, HeldDelivery, Trigger, TriggerSecret
from workflows.triggers import lifecycle


@pytest.fixture
def waiting(connection: Connection) -> Trigger:
    return lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Waits for its secret"
    )


def hold(trigger: Trigger, secret: str = SECRET, age: timedelta = timedelta()) -> HeldDelivery:
    """A row in the state in which only a fault could have left it: beside a known secret."""
    body = (
        f'{{"event": {{"id": "{timezone.now().timestamp()}", "event_type": "incident.triggered"}}}}'.encode()
    )
    return HeldDelivery.objects.create(
        trigger=trigger, body=body, signature=signatures.sign(body, secret), received_at=timezone.now() - age
    )


@pytest.mark.django_db
class TestNothingIsStranded:
    def test_what_was_held_beside_a_known_secret_is_released(self, trigger: Trigger) -> None:
        hold(trigger)
        forged = hold(trigger, secret="forged")

        worker.housekeeping()

        assert Event.objects.get().status == "queued"
        assert HeldDelivery.objects.get() == forged

    def test_a_secret_that_was_stored_without_judging_releases_what_came_before(
        self, waiting: Trigger
    ) -> None:
        hold(waiting, age=timedelta(seconds=20))
        row = TriggerSecret(trigger=waiting)
        seal(row, "secret", SECRET)
        row.save()

        worker.housekeeping()

        assert Event.objects.get().status == "queued"

    def test_a_secret_that_no_key_opens_stops_nobody_else(self, trigger: Trigger, settings: Any) -> None:
        hold(trigger)
        settings.ENCRYPTION_KEYS = ["another key, and only that one"]

        worker.housekeeping()

        assert HeldDelivery.objects.exists()

    def test_what_a_secret_was_judged_with_long_ago_is_left_alone(self, trigger: Trigger) -> None:
        hold(trigger, age=timedelta(minutes=10))
        assert holding.release_late() == 0

    def test_a_trigger_closed_at_the_same_moment_holds_nothing(self, waiting: Trigger) -> None:
        lifecycle.delete(actor=SYSTEM, trigger=Trigger.objects.get(pk=waiting.pk))

        verdict = receive.receive(waiting, body=b"{}", signature=signatures.sign(b"{}", SECRET))

        assert verdict == "refused"
        assert not HeldDelivery.objects.exists()

    def test_a_trigger_resumed_meanwhile_fires_on_what_it_held(self, waiting: Trigger) -> None:
        hold(waiting)
        paused = Trigger.objects.get(pk=waiting.pk)
        paused.status = "paused"  # as another process read it just before it was resumed

        secrets.add_secret(actor=SYSTEM, trigger=paused, secret=SECRET)

        assert Event.objects.get().status == "queued"


@pytest.mark.django_db
def test_holding_says_what_becomes_of_the_next_delivery(
    ask: Ask, client: Client, connection: Connection, waiting: Trigger
) -> None:
    def sent() -> str:
        signed = {"X-PagerDuty-Signature": signatures.sign(b"{}", "unknown")}
        answer = client.post(waiting.url, b"{}", content_type="application/json", headers=signed)
        return str(answer.json().get("status", answer.status_code))

    def holding() -> bool:
        flag: bool = ask("get", f"triggers/{waiting.pk}/").json()["holding"]
        return flag

    assert (holding(), sent()) == (True, "held")
    secret, _ = secrets.add_secret(actor=SYSTEM, trigger=waiting, secret=SECRET)
    assert (holding(), sent()) == (False, "401")
    secrets.retire_secret(actor=SYSTEM, secret=secret)
    assert (holding(), sent()) == (False, "401")


def at_once(*acts: Callable[[], Any]) -> None:
    """All of them in threads of their own, begun at the same moment."""
    start = threading.Barrier(len(acts))

    @tenant_scope.unscoped()
    def begin(act: Callable[[], Any]) -> None:
        start.wait(10)
        act()
        database.close()

    threads = [threading.Thread(target=begin, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def send(trigger: Trigger, verdicts: list[str], times: int) -> Callable[[], None]:
    def act() -> None:
        for _ in range(times):
            payload = str(incident_event()).replace("'", '"').replace("None", "null").encode()
            signature = signatures.sign(payload, SECRET)
            verdicts.append(receive.receive(trigger, body=payload, signature=signature))

    return act


@pytest.mark.django_db(transaction=True)
def test_a_secret_that_arrives_between_deliveries_strands_none(waiting: Trigger) -> None:
    verdicts: list[str] = []

    def paste() -> None:
        while not HeldDelivery.objects.exists():
            pass
        secrets.add_secret(actor=SYSTEM, trigger=waiting, secret=SECRET)

    at_once(paste, *(send(waiting, verdicts, 10) for _ in range(6)))

    # How many came before the secret is the machine's affair.
    assert "held" in verdicts
    assert set(verdicts) <= {"held", "accepted"}
    assert not HeldDelivery.objects.exists()
    assert Event.objects.filter(status="queued").count() == 60


@pytest.mark.django_db(transaction=True)
def test_senders_at_the_same_moment_do_not_pass_the_bound(
    waiting: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.inbox.limits.MAX_HELD", 5)
    verdicts: list[str] = []

    at_once(*(send(waiting, verdicts, 2) for _ in range(6)))

    assert sorted(verdicts) == ["full"] * 7 + ["held"] * 5
    assert HeldDelivery.objects.count() == 5
