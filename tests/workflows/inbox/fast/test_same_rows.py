"""The fence of the fast path: its statement stores what the ORM stores (tests.workflows.inbox.fast.plain)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from connections.models import Account, Connection, Workspace
from core.crypto import seal
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, incident_event
from tests.support.present import present
from tests.workflows.inbox.fast import plain
from workflows.inbox.fast import insert_sql, receive, trigger_cache
from workflows.models import Event, Hook, HookDelivery, Trigger, TriggerSecret
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def trigger(trigger: Trigger, connection: Connection) -> Trigger:
    """A confirmed trigger in a workspace with every kind of endpoint."""
    Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
    other = lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Other")
    elsewhere = Workspace.objects.create(account=Account.objects.create(name="Rival"), name="Elsewhere")
    for about in (
        {},
        {"trigger": trigger},
        {"status": "paused"},
        {"trigger": other},
        {"events": False, "runs": True},
        {"deleted_at": timezone.now()},
        {"workspace": elsewhere},
    ):
        values = {"workspace": connection.workspace, "name": "Theirs", "url": "https://hooks.example/"}
        Hook.objects.create(**(values | about))
    trigger.refresh_from_db()
    return trigger


def parameters_of(trigger: Trigger, **changes: Any) -> insert_sql.Parameters:
    """Return what the fast path hands to the statement for a delivery of this trigger.

    changes: of the incident; of the parameters if they are among them.
    """
    judged_as = {name: changes.pop(name) for name in ("status", "error") if name in changes}
    body, token = json.dumps(incident_event(**changes)).encode(), str(trigger.token)
    found = trigger_cache.find(trigger.provider, token)
    ready = present(receive._judge(token, found, body, signatures.sign(body, SECRET)))
    return ready.parameters._replace(**judged_as)


def changed(**values: Any) -> Callable[[Trigger], None]:
    return lambda trigger: (Trigger.objects.filter(pk=trigger.pk).update(**values), None)[1]


def retired(trigger: Trigger) -> None:
    TriggerSecret.objects.update(retired_at=timezone.now())


def resealed(trigger: Trigger) -> None:
    secret = trigger.secrets.get()
    seal(secret, "secret", "another text")
    secret.save()


def of_another_trigger(trigger: Trigger) -> None:
    TriggerSecret.objects.update(trigger=Trigger.objects.exclude(pk=trigger.pk).get())


def all_rows() -> list[Any]:
    events: list[dict[str, Any]] = [dict(row) for row in Event.objects.order_by("seq").values()]
    owed: list[dict[str, Any]] = [dict(row) for row in HookDelivery.objects.order_by("seq").values()]
    number = {row.pop("seq"): place for place, row in enumerate(events)}
    for row in owed:
        row["event_id"] = number[row["event_id"]]
        del row["seq"], row["id"]
    owed.sort(key=lambda row: (row["event_id"], str(row["hook_id"])))
    payloads = OrmQ.objects.values_list("payload", flat=True)
    return [events, owed, {SignedPackage.loads(payload)["func"] for payload in payloads}]


TOMORROW, YESTERDAY = (timezone.now() + timedelta(days=days) for days in (1, -1))


@pytest.mark.parametrize(
    ("delivered", "meanwhile", "stored"),
    [
        ({}, None, [True, True, False]),
        ({"event_type": "incident.brand_new"}, None, [True, True, False]),
        (
            {"event_type": "incident.triggered\u0000\ud800", "incident": "P\u0000\ud800"},
            None,
            [True, True, False],
        ),
        ({"status": "filtered", "error": "Urgency is “low”."}, None, [True, True, False]),
        ({"incident": "P" * 500, "title": 'ü’\\"'}, None, [True, True, False]),
        ({}, changed(options={"urgencies": ["high"]}), [False] * 3),
        ({}, changed(redact=["event.data.title"]), [False] * 3),
        ({}, changed(status="paused"), [False] * 3),
        ({}, changed(status="closed"), [False] * 3),
        ({}, changed(deleted_at=YESTERDAY), [False] * 3),
        ({}, changed(confirmed_at=None), [False] * 3),
        ({}, changed(twins_until=TOMORROW), [False] * 3),
        ({}, changed(twins_until=YESTERDAY), [True, True, False]),
        ({}, retired, [False] * 3),
        ({}, resealed, [False] * 3),
        ({}, of_another_trigger, [False] * 3),
    ],
    ids=[
        *(
            "queued",
            "ignored",
            "odd characters",
            "filtered",
            "long values",
            "options changed",
            "redaction changed",
        ),
        *("paused", "closed", "deleted", "unconfirmed", "twins expected", "twins expected no longer"),
        *("secret retired", "secret replaced", "secret of another trigger"),
    ],
)
def test_it_stores_the_rows_that_the_orm_stores(
    trigger: Trigger,
    delivered: dict[str, Any],
    meanwhile: Callable[[Trigger], None] | None,
    stored: list[bool],
) -> None:
    """Two deliveries, then the first once more."""
    deliveries = [parameters_of(trigger, **delivered) for _ in range(2)]
    if meanwhile:
        meanwhile(trigger)

    def outcome_of(put: Callable[[insert_sql.Parameters], bool]) -> list[Any]:
        undo = transaction.savepoint()
        OrmQ.objects.all().delete()
        became = [put(delivery) for delivery in [*deliveries, deliveries[0]]]
        left = all_rows()
        transaction.savepoint_rollback(undo)
        return [became, left]

    fast = outcome_of(receive._store)
    assert fast == outcome_of(plain.store)
    assert fast[0] == stored
    queued = sum(stored) if {"event_type", "status"}.isdisjoint(delivered) else 0
    assert len(fast[1][1]) == 3 * queued, "three endpoints take events of this trigger"
