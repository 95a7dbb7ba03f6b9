"""What came to a trigger, on pages: one list of everything, one event in words, another try."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import AuditEvent, Connection, Workspace
from tests.factories import SYSTEM, People, incident_event, publish
from tests.support.browser import KEY, path, text
from workflows.engine import fanout
from workflows.models import Event, HeldDelivery, Trigger, TurnedAway
from workflows.triggers import lifecycle
from workflows.triggers.delivery_log import Deliveries

pytestmark = pytest.mark.django_db
Deliver = Callable[..., Any]
# query, a text that the page has, a text that it has not
NARROWED = [
    ("verdict=accepted", "Payments are slow", "A note"),
    ("verdict=ignored", "A note", "Payments are slow"),
    ("verdict=refused", "Invalid signature", "Payments are slow"),
    ("verdict=duplicate", "Duplicate", "; not kept"),
    ("verdict=held", "No results match", "Payments are slow"),
    ("verdict=failed", "No results match", "A note"),
    ("verdict=nonsense", "Payments are slow", "No results match"),
    ("type=incident.annotated", "A note", "; not kept"),
    ("type=incident.brand_new", "No results match", "A note"),
    ("type=%00&verdict=", "A note", "No results match"),
]
ODD_BODIES = [
    b"not json",
    b"",
    b"[]",
    b"7",
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"event": {"id": 7, "event_type": [], "agent": "x", "data": {"title": {}, "service": [1]}}}',
    b'{"event": {"occurred_at": "0001-01-01T00:00:00+14:00", "data": {"title": "\\ud800\\u0000"}}}',
    b'{"event": {"data": {"title": "<script>x</script>", "html_url": "javascript:alert(1)"}}}',
]


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


def event_page(browser: Client, event: Event) -> Any:
    return browser.get(path("delivery", event.trigger, event.id))


class TestTheList:
    def test_every_verdict_is_there_newest_first(
        self, bob: Client, trigger: Trigger, deliver: Deliver, time_machine: Any
    ) -> None:
        time_machine.move_to("2026-11-02T10:00:00Z", tick=False)

        def then(payload: Any, **more: Any) -> None:
            deliver(payload, **more)
            time_machine.shift(timedelta(minutes=1))

        first = incident_event(title="Payments are slow")
        then(first)
        then(incident_event("incident.annotated", title="A note"))
        then(first)
        then(incident_event(), secret="wrong secret")
        Event.objects.filter(event_type="incident.triggered").update(status="failed")
        then(incident_event(title="The newest"))

        page = text(bob.get(path("deliveries", trigger)))

        wanted = [
            "Accepted The newest",
            "Rejected Invalid signature – rejected",
            "Duplicate Duplicate",
            "Ignored type A note",
            "Failed Payments are slow",
        ]
        places = [page.index(words) for words in wanted]
        assert places == sorted(places)

    def test_held_ones_show_their_time_and_size_alone(
        self, bob: Client, connection: Connection, deliver: Deliver
    ) -> None:
        new = lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="New")
        deliver(incident_event(title="Forged, for all we know"), to=new)

        page = text(bob.get(path("deliveries", new)))

        assert "Held Pending signing secret (" in page
        assert "bytes)" in page
        assert "Forged" not in page

    def test_it_can_be_narrowed(self, bob: Client, trigger: Trigger, deliver: Deliver) -> None:
        first = incident_event()
        for payload in (first, first, incident_event("incident.annotated", title="A note")):
            deliver(payload)
        deliver(incident_event(), secret="wrong secret")

        for query, seen, unseen in NARROWED:
            page = text(bob.get(f"{path('deliveries', trigger)}?{query}"))

            assert seen in page, query
            assert unseen not in page, query

    def test_many_in_a_minute_are_one_line_with_their_number(self, bob: Client, trigger: Trigger) -> None:
        now = timezone.now()
        for minute, count in ((0, 7), (1, 60)):
            at = now.replace(second=0, microsecond=0) - timedelta(minutes=minute)
            TurnedAway.objects.create(trigger=trigger, verdict="refused", minute=at, last_at=at, count=count)

        page = text(bob.get(path("deliveries", trigger)))

        assert "7 in this minute" in page
        assert "60 or more in this minute" in page

    def test_an_empty_one_says_what_it_will_show(self, bob: Client, trigger: Trigger) -> None:
        assert "No deliveries yet" in text(bob.get(path("deliveries", trigger)))

    def test_its_pages_show_each_line_once(self, bob: Client, trigger: Trigger) -> None:
        _fill(trigger, events=60, turned_away=30, held=20)

        titles: list[Any] = []
        for number in (1, 2, 3, 4, 5):
            page = bob.get(path("deliveries", trigger), {"page": str(number)})
            titles += [(row.verdict, row.at) for row in page.context["page"].rows]

        assert len(titles) == len(set(titles)) == 110
        assert [at for _, at in titles] == sorted((at for _, at in titles), reverse=True)
        assert not page.context["page"].has_next

    def test_it_takes_as_many_queries_for_many_as_for_one(self, bob: Client, trigger: Trigger) -> None:
        def queries(count: int) -> int:
            _fill(trigger, events=count, turned_away=count, held=count, before=count)
            with CaptureQueriesContext(database) as seen:
                bob.get(path("deliveries", trigger))
            return len(seen)

        queries(1)
        assert queries(2) == queries(9)

    def test_a_slice_far_down_reads_no_more_than_it_could_need(self, trigger: Trigger) -> None:
        _fill(trigger, events=300, turned_away=5, held=0)

        with CaptureQueriesContext(database) as seen:
            rows = Deliveries(trigger)[200:226]

        assert len(rows) == 26
        windows = [
            query["sql"] for query in seen if "received_at" in query["sql"] and "LIMIT" in query["sql"]
        ]
        assert any("LIMIT 31 OFFSET 195" in sql for sql in windows)


def _fill(trigger: Trigger, *, events: int, turned_away: int, held: int, before: int = 0) -> None:
    """So many of each, each at a time of its own."""
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=24 * (1 + before))
    every = timedelta(minutes=3)
    Event.objects.bulk_create(
        Event(
            workspace=trigger.workspace,
            trigger=trigger,
            external_id=f"{before}-{number}",
            event_type="incident.triggered",
            lane="PINC1",
            body=b"{}",
            status="done",
            received_at=start + number * every,
        )
        for number in range(events)
    )
    TurnedAway.objects.bulk_create(
        TurnedAway(trigger=trigger, verdict="refused", minute=at, last_at=at)
        for at in (start + timedelta(minutes=1) + number * every for number in range(turned_away))
    )
    HeldDelivery.objects.bulk_create(
        HeldDelivery(
            trigger=trigger,
            body=b"{}",
            signature="v1=0",
            received_at=start + timedelta(minutes=2) + number * every,
        )
        for number in range(held)
    )


class TestOneEvent:
    def test_it_says_in_words_what_happened_and_what_became_of_it(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Deliver
    ) -> None:
        publish(trigger, connection)
        payload = incident_event(number=42, html_url="https://acme.pagerduty.com/incidents/PINC1")
        payload["event"]["agent"] = {"summary": "Dana Rivera", "type": "user_reference"}
        deliver(payload)
        fanout.fan_out_due()

        answer = event_page(bob, Event.objects.get())

        page = text(answer)
        assert "Payments are slow Accepted" in page
        for fact in ("Incident #42", "Service Payments", "Urgency high", "Actor Dana Rivera"):
            assert fact in page
        assert "Note version 1 Started a run: pending." in page
        assert "Happened" in page
        assert 'href="https://acme.pagerduty.com/incidents/PINC1"' in answer.content.decode()
        assert "&quot;title&quot;: &quot;Payments are slow&quot;" in answer.content.decode()

    def test_whatever_was_signed_can_be_looked_at(
        self, bob: Client, trigger: Trigger, deliver: Deliver
    ) -> None:
        for body in ODD_BODIES:
            deliver(body)

            answer = event_page(bob, Event.objects.latest("seq"))

            assert answer.status_code == 200, body[:90]
            assert "<script>x" not in answer.content.decode()
            assert 'href="javascript' not in answer.content.decode()
            assert bob.get(path("deliveries", trigger)).status_code == 200, body[:90]
        assert Event.objects.count() == len(ODD_BODIES)

    def test_one_that_came_while_paused_says_so(
        self, bob: Client, trigger: Trigger, deliver: Deliver
    ) -> None:
        Trigger.objects.update(status="paused")
        deliver(incident_event())

        assert "Received while paused" in text(event_page(bob, Event.objects.get()))

    def test_a_failed_one_is_tried_again_and_no_other(
        self, bob: Client, trigger: Trigger, deliver: Deliver
    ) -> None:
        deliver(incident_event())
        event = Event.objects.get()
        assert "Retry" not in text(event_page(bob, event))
        again = path("requeue", trigger, event.id)
        assert "Only failed events can be retried." in text(bob.post(again, follow=True))

        Event.objects.update(status="failed", error="ValueError")
        assert "couldn’t be started. ValueError" in text(event_page(bob, event))
        assert "Retrying." in text(bob.post(again, follow=True))

        event.refresh_from_db()
        assert (event.status, event.attempts) == ("queued", 0)
        assert AuditEvent.objects.filter(action="event.requeued").count() == 1


def test_a_payload_whose_indentation_would_fill_a_disk_is_cut(
    bob: Client, trigger: Trigger, deliver: Deliver
) -> None:
    deep = "[" * 90 + ",".join("[1]" for _ in range(9_000)) + "]" * 90
    payload = incident_event()
    payload["event"]["data"]["title"] = json.loads(deep)
    deliver(payload)

    page = event_page(bob, Event.objects.get())

    assert "Truncated" in text(page)
    assert len(page.content) < 200_000
