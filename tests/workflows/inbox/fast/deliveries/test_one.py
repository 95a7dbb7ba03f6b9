"""One delivery: stored and answered as the ordinary way does."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import Connection
from core.crypto import seal
from core.db import tenant_scope
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM
from tests.workflows.inbox.fast.deliveries.taking import body_of, post, take
from workflows.inbox import deduplication, limits, secrets
from workflows.inbox.fast import trigger_cache
from workflows.inbox.fast.wsgi import FastPathMiddleware
from workflows.models import Event, Trigger, TriggerSecret, TurnedAway
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("written", [str.upper, lambda url: url + "/", lambda url: url.upper() + "/"])
def test_a_url_in_capitals_or_with_a_last_slash_is_the_same_trigger(
    trigger: Trigger, written: Callable[[str], str]
) -> None:
    """On the fast path, and on the ordinary one."""
    path = "/hooks/pagerduty/" + written(str(trigger.token))
    body = body_of()

    assert post(trigger, body, PATH_INFO=path) == (202, {"status": "accepted"})
    slow = Client().post(
        path,
        body,
        content_type="application/json",
        headers={"X-PagerDuty-Signature": signatures.sign(body, SECRET)},
    )
    assert (slow.status_code, slow.json()) == (202, {"status": "duplicate"})
    assert Event.objects.get().trigger == trigger


def stored(trigger: Trigger) -> dict[str, Any]:
    """All that is stored of a trigger's one event, but for what differs from event to event."""
    event: dict[str, Any] = dict(Event.objects.filter(trigger=trigger).values().get())
    event["body"] = bytes(event["body"])
    for name in ("seq", "id", "trigger_id", "received_at"):
        event.pop(name)
    return event


def paused(trigger: Trigger) -> None:
    Trigger.objects.filter(pk=trigger.pk).update(status="paused")


def redacting(trigger: Trigger) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": ["event.data.title"]})


def high_only(trigger: Trigger) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": {"urgencies": ["high"]}})


@pytest.mark.parametrize(
    ("body", "set_up", "verdict"),
    [
        (body_of(), None, "accepted"),
        (body_of(), paused, "ignored"),
        (body_of(), redacting, "accepted"),
        (body_of(urgency="low"), high_only, "filtered"),
        (body_of(urgency="high"), high_only, "accepted"),
        (body_of(event_type="incident.brand_new"), None, "ignored"),
        (body_of(event_type="incident.triggered\u0000\ud800", incident="P\u0000\ud800"), None, "ignored"),
        (body_of(incident="P" * 500), None, "accepted"),
        (b"not json", None, "ignored"),
        (b"\xff\xfe", None, "ignored"),
        (b"", None, "ignored"),
    ],
    ids=[
        *("plain", "paused", "redacting", "left out by options", "let in by options", "another type"),
        *("odd characters", "a long id", "not JSON", "not text", "empty"),
    ],
)
def test_it_stores_what_the_ordinary_way_stores(
    deliver: Any, connection: Connection, trigger: Trigger, body: bytes, set_up: Any, verdict: str
) -> None:
    other = lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Ordinary")
    secrets.add_secret(actor=SYSTEM, trigger=other, secret=SECRET)
    for each in (trigger, other):
        if set_up:
            set_up(each)

    assert take(trigger, body) == verdict
    assert deliver(body, to=other).json() == {"status": verdict}

    assert stored(trigger) == stored(other)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_threads")
def test_a_page_that_was_shown_before_on_that_connection_does_not_stand_in_the_way(trigger: Trigger) -> None:
    """On PostgreSQL the session was told then to show nothing (core.db.tenant_scope)."""
    take(trigger, body_of())
    with tenant_scope.scoped(tenant_scope.NOTHING):
        Event.objects.count()

    assert take(trigger, body_of()) == "accepted"
    assert Event.objects.count() == 2


class TestWhatChangedSinceIsSeenAtOnce:
    @pytest.fixture(autouse=True)
    def known_trigger(self, trigger: Trigger) -> None:
        assert take(trigger, body_of()) == "accepted"
        assert str(trigger.token) in trigger_cache._cached

    def test_a_retired_secret_signs_nothing_any_more(self, trigger: Trigger) -> None:
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
        secrets.retire_secret(
            actor=SYSTEM, secret=next(s for s in trigger.secrets.all() if s.value() == SECRET)
        )

        assert post(trigger, body_of())[0] == 401
        assert post(trigger, body_of(), "the-next-secret") == (202, {"status": "accepted"})

    def test_a_new_secret_signs(self, trigger: Trigger) -> None:
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
        assert post(trigger, body_of(), "the-next-secret") == (202, {"status": "accepted"})

    def test_a_secret_of_another_text_is_another(self, trigger: Trigger) -> None:
        secret = trigger.secrets.get()
        seal(secret, "secret", "another text")
        secret.save()
        assert post(trigger, body_of())[0] == 401

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            ({"status": "paused"}, (202, {"status": "ignored"})),
            ({"status": "closed"}, (202, {"status": "ignored"})),
            ({"deleted_at": timezone.now()}, (404, None)),
            ({"redact": ["event.data.title"]}, (202, {"status": "accepted"})),
            ({"options": {"urgencies": ["low"]}}, (202, {"status": "filtered"})),
        ],
        ids=lambda given: str(given)[:30],
    )
    def test_a_changed_trigger_counts_as_it_is(self, trigger: Trigger, change: Any, answer: Any) -> None:
        Trigger.objects.filter(pk=trigger.pk).update(**change)
        body = body_of(title="Said once", urgency="high")

        assert take(trigger, body) is None, "what was known is wrong"
        status, told = post(trigger, body)

        assert status == answer[0]
        assert answer[1] is None or told == answer[1]
        if "redact" in change:
            assert b"Said once" not in b"".join(bytes(event.body) for event in Event.objects.all())

    def test_a_change_of_two_webhooks_is_looked_for(self, trigger: Trigger) -> None:
        deduplication.watch(trigger)
        assert take(trigger, body_of()) is None
        assert post(trigger, body_of()) == (202, {"status": "accepted"})
        assert Event.objects.latest("seq").source != ""


def test_an_unconfirmed_trigger_is_confirmed_by_its_first_delivery(trigger: Trigger) -> None:
    Trigger.objects.update(confirmed_at=None)
    assert take(trigger, body_of()) is None
    assert post(trigger, body_of()) == (202, {"status": "accepted"})
    trigger.refresh_from_db()
    assert trigger.confirmed_at is not None


def test_a_repeat_is_a_success_stored_once_and_counted(trigger: Trigger) -> None:
    body = body_of()
    assert [post(trigger, body) for _ in range(3)] == [
        (202, {"status": "accepted"}),
        (202, {"status": "duplicate"}),
        (202, {"status": "duplicate"}),
    ]
    assert Event.objects.count() == 1
    assert sum(TurnedAway.objects.filter(verdict="duplicate").values_list("count", flat=True)) == 2


def test_when_a_secret_last_signed_is_shown_to_the_minute(trigger: Trigger, time_machine: Any) -> None:
    time_machine.move_to("2026-11-02T10:00:00Z", tick=False)
    take(trigger, body_of())
    first = trigger.secrets.get().last_seen_at
    time_machine.shift(timedelta(seconds=50))
    take(trigger, body_of())
    assert trigger.secrets.get().last_seen_at == first == timezone.now() - timedelta(seconds=50)
    time_machine.shift(timedelta(seconds=20))
    take(trigger, body_of())
    assert trigger.secrets.get().last_seen_at == timezone.now()


def test_a_wrong_signature_is_refused_and_counted_as_ever(trigger: Trigger) -> None:
    take(trigger, body_of())
    assert post(trigger, body_of(), "wrong secret")[0] == 401
    assert TurnedAway.objects.get().count == 1
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"HTTP_HOST": "elsewhere.example"}, 400),
        ({"REQUEST_METHOD": "PUT"}, 405),
        ({"CONTENT_LENGTH": str(limits.MAX_BODY + 1)}, 413),
        ({"PATH_INFO": f"/hooks/pagerduty/{uuid.UUID(int=7)}"}, 404),
    ],
)
def test_what_is_not_plain_is_answered_by_django(trigger: Trigger, environ: Any, status: int) -> None:
    take(trigger, body_of())
    assert post(trigger, body_of(), **environ)[0] == status
    assert Event.objects.count() == 1


def test_where_https_is_wanted_nothing_else_is_taken(trigger: Trigger, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    passed_on: list[bytes] = []

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        passed_on.append(environ["wsgi.input"].read())
        return []

    body = body_of()
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/pagerduty/{trigger.token}",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_PAGERDUTY_SIGNATURE": signatures.sign(body, SECRET),
    }
    for more in ({}, {"HTTP_X_FORWARDED_PROTO": "http"}, {"HTTP_X_FORWARDED_PROTO": "https"}):
        FastPathMiddleware(django)(
            {**request, **more, "wsgi.input": BytesIO(body)}, lambda status, headers: None
        )

    assert passed_on == [body, body]
    assert Event.objects.count() == 1


def test_no_more_is_kept_in_memory_than_is_said(trigger: Trigger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_cache, "_MOST", 3)
    monkeypatch.setattr(trigger_cache, "_cached", {})
    for number in range(5):
        token = uuid.uuid4()
        Trigger.objects.filter(pk=trigger.pk).update(token=token)
        trigger.token = token
        assert take(trigger, body_of(incident=f"P{number}")) == "accepted"
        assert len(trigger_cache._cached) <= 3
    assert TriggerSecret.objects.count() == 1
