"""What is refused or comes twice is counted by the minute, within bounds, and never at the cost of the answer."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.db import tenant_scope
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, incident_event
from workflows import worker
from workflows.inbox import rejections, secrets
from workflows.models import Event, HeldDelivery, Trigger, TurnedAway
from workflows.triggers import lifecycle as use_cases

pytestmark = pytest.mark.django_db
NOW = "2026-11-02T10:00:30Z"


def counted() -> list[tuple[str, int]]:
    return list(TurnedAway.objects.order_by("minute", "id").values_list("verdict", "count"))


def post(client: Any, trigger: Trigger, **headers: str) -> Any:
    return client.post(
        f"/hooks/pagerduty/{trigger.token}", b"{}", content_type="application/json", headers=headers
    )


def test_refused_deliveries_of_a_minute_are_one_row_and_nothing_of_them_is_kept(
    deliver: Any, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    first = timezone.now()

    assert [deliver(incident_event(), secret="wrong secret").status_code for _ in range(2)] == [401, 401]
    time_machine.shift(timedelta(minutes=1))
    assert deliver(incident_event(), secret="wrong secret").status_code == 401

    assert counted() == [("refused", 2), ("refused", 1)]
    assert TurnedAway.objects.latest("minute").last_at == timezone.now()
    assert TurnedAway.objects.earliest("minute").minute == first.replace(second=0)
    assert Event.objects.count() == HeldDelivery.objects.count() == 0


def test_a_repeat_is_counted_each_time(deliver: Any) -> None:
    event = incident_event()

    answers = [deliver(event).json()["status"] for _ in range(3)]

    assert answers == ["accepted", "duplicate", "duplicate"]
    assert sum(count for verdict, count in counted() if verdict == "duplicate") == 2


@pytest.mark.parametrize(
    "header", [None, "", "v1=", "v2=abc", "hello", "v1=ü", "," * 10_000, "v1=0," * 10_000]
)
def test_noise_without_a_signature_leaves_no_row(client: Any, trigger: Trigger, header: str | None) -> None:
    headers = {} if header is None else {"X-PagerDuty-Signature": header}

    assert post(client, trigger, **headers).status_code == 401

    assert counted() == []


@pytest.mark.parametrize("header", ["v1=deadbeef", "v2=abc, v1=x", signatures.sign(b"{}", "another secret")])
def test_what_looks_signed_is_counted(client: Any, trigger: Trigger, header: str) -> None:
    assert post(client, trigger, **{"X-PagerDuty-Signature": header}).status_code == 401

    assert counted() == [("refused", 1)]


def test_what_a_retired_last_secret_signed_is_counted(deliver: Any, trigger: Trigger) -> None:
    secrets.retire_secret(actor=SYSTEM, secret=trigger.secrets.get())

    assert deliver(incident_event()).status_code == 401

    assert counted() == [("refused", 1)]


def test_no_more_than_sixty_are_counted_a_minute_and_then_nothing_is_written(
    deliver: Any, trigger: Trigger, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    for _ in range(61):
        rejections.count(trigger, "refused")

    with CaptureQueriesContext(database) as seen:
        answer = deliver(incident_event(), secret="wrong secret")

    assert answer.status_code == 401
    assert counted() == [("refused", 60)]
    assert not [query for query in seen if not query["sql"].startswith("SELECT")]


def test_an_accepted_delivery_is_not_slowed_by_it(deliver: Any) -> None:
    with CaptureQueriesContext(database) as seen:
        assert deliver(incident_event()).status_code == 202

    assert not [query for query in seen if "turnedaway" in query["sql"]]


@pytest.mark.parametrize(("again", "status"), [(False, 401), (True, 202)])
def test_when_it_cannot_be_counted_the_answer_stays_what_it_is(
    deliver: Any, monkeypatch: Any, again: bool, status: int
) -> None:
    event = incident_event()
    assert deliver(event).status_code == 202

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr("workflows.models.TurnedAway.objects.create", fail)
    answer = deliver(event) if again else deliver(event, secret="wrong secret")

    assert answer.status_code == status
    assert counted() == []


def test_held_deliveries_that_come_twice_are_counted_neither_then_nor_when_they_are_judged(
    deliver: Any, connection: Any
) -> None:
    new = use_cases.create(actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="")
    event = incident_event()
    assert [deliver(event, to=new).json()["status"] for _ in range(2)] == ["held", "held"]

    secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)

    assert counted() == []


def test_old_rows_go_and_a_trigger_keeps_the_newest_two_thousand(trigger: Trigger) -> None:
    this_minute = timezone.now().replace(second=0, microsecond=0)
    minutes = [this_minute - timedelta(minutes=number) for number in range(2_010)]
    minutes.append(this_minute - timedelta(days=30, minutes=1))
    TurnedAway.objects.bulk_create(
        TurnedAway(trigger=trigger, verdict="refused", minute=minute, last_at=minute) for minute in minutes
    )

    worker.housekeeping()

    kept = list(TurnedAway.objects.values_list("minute", flat=True))
    assert len(kept) == 2_000
    assert min(kept) == minutes[1_999]
    assert rejections.prune() == 0


@pytest.mark.django_db(transaction=True)
def test_senders_at_the_same_moment_are_all_counted_in_one_row(trigger: Trigger, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    start = threading.Barrier(8)

    @tenant_scope.unscoped()
    def refuse() -> None:
        start.wait(10)
        for _ in range(5):
            rejections.count(trigger, "refused")
        database.close()

    threads = [threading.Thread(target=refuse) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert counted() == [("refused", 40)]


@pytest.mark.django_db(transaction=True)
def test_the_bound_holds_for_senders_at_the_same_moment(trigger: Trigger, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    for _ in range(58):
        rejections.count(trigger, "refused")

    @tenant_scope.unscoped()
    def refuse() -> None:
        rejections.count(trigger, "refused")
        database.close()

    threads = [threading.Thread(target=refuse) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert counted() == [("refused", 60)]
