"""The receiver: what is stored, what is refused, and with which answer."""

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, incident_event
from workflows.inbox import secrets
from workflows.models import Event, HeldDelivery, Trigger
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
BODY = json.dumps(incident_event()).encode()


def test_a_signed_event_is_stored_byte_for_byte_before_it_is_answered(deliver: Any, trigger: Trigger) -> None:
    answer = deliver(BODY)

    assert answer.status_code == 202
    event = Event.objects.get()
    assert bytes(event.body) == BODY
    assert (event.trigger, event.status, event.lane) == (trigger, "queued", "PINC1")


def test_the_same_event_again_is_a_success_and_stored_once(deliver: Any) -> None:
    assert deliver(BODY).status_code == 202
    assert deliver(BODY).json() == {"status": "duplicate"}
    assert Event.objects.count() == 1


def test_a_base64_signature_of_the_same_digest_is_accepted(client: Any, trigger: Trigger) -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
    header = f"v1={base64.b64encode(digest).decode()}"
    answer = client.post(
        f"/hooks/pagerduty/{trigger.token}",
        BODY,
        content_type="application/json",
        headers={"X-PagerDuty-Signature": header},
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1=",
        "v1=deadbeef",
        signatures.sign(BODY, "another secret"),
        signatures.sign(BODY + b" ", SECRET),
        signatures.sign(BODY, SECRET)[:-1],
        "v2=" + signatures.sign(BODY, SECRET)[3:],
        "v1=" + "ü" * 64,
        "," * 10_000,
        "v1=00," * 10_000,
    ],
    ids=[
        "missing",
        "empty",
        "no value",
        "short",
        "other secret",
        "other body",
        "truncated",
        "other version",
        "non-ASCII",
        "10,000 commas",
        "10,000 signatures",
    ],
)
def test_a_wrong_signature_gets_401_and_stores_nothing(
    client: Any, trigger: Trigger, header: str | None
) -> None:
    extra = {} if header is None else {"HTTP_X_PAGERDUTY_SIGNATURE": header}
    answer = client.post(f"/hooks/pagerduty/{trigger.token}", BODY, content_type="application/json", **extra)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "bad_signature"
    assert Event.objects.count() == HeldDelivery.objects.count() == 0


def test_several_secrets_and_several_signatures_during_a_rotation(deliver: Any, trigger: Trigger) -> None:
    secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
    both = f"{signatures.sign(BODY, 'not known')},{signatures.sign(BODY, 'the-next-secret')}"

    assert deliver(BODY, HTTP_X_PAGERDUTY_SIGNATURE=both).status_code == 202

    seen = {secret.value(): secret.last_seen_at for secret in trigger.secrets.all()}
    assert seen["the-next-secret"] is not None
    assert seen[SECRET] is None


def test_a_retired_secret_signs_nothing_any_more(deliver: Any, trigger: Trigger) -> None:
    secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
    secrets.retire_secret(actor=SYSTEM, secret=next(s for s in trigger.secrets.all() if s.value() == SECRET))

    assert deliver(BODY).status_code == 401
    assert deliver(BODY, secret="the-next-secret").status_code == 202


def test_a_get_says_that_only_post_is_allowed(client: Any, trigger: Trigger) -> None:
    answer = client.get(f"/hooks/pagerduty/{trigger.token}")

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize(
    "path", [f"/hooks/pagerduty/{UUID(int=7)}", "/hooks/pagerduty/not-a-uuid", "/hooks/other/x"]
)
def test_an_unknown_url_is_404(client: Any, db: None, path: str) -> None:
    assert client.post(path, BODY, content_type="application/json").status_code == 404


def test_a_body_over_256_kb_is_413_and_one_of_256_kb_is_taken(deliver: Any) -> None:
    padding = 256 * 1024 - len(json.dumps(incident_event(title="")).encode())
    assert deliver(json.dumps(incident_event(title="x" * padding)).encode()).status_code == 202
    assert deliver(json.dumps(incident_event(title="x" * (padding + 1))).encode()).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b'{"event": null}',
        b'{"event": []}',
        b'{"event": {"id": 7, "event_type": [], "data": 3}}',
        b"[" * 50_000,
    ],
)
def test_signed_nonsense_is_kept_and_answered_2xx(deliver: Any, body: bytes) -> None:
    assert deliver(body).status_code == 202
    assert deliver(body).status_code == 202
    assert bytes(Event.objects.get().body) == body


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "*/*;q=0"])
def test_no_accept_or_content_type_header_turns_a_genuine_delivery_away(deliver: Any, accept: str) -> None:
    assert deliver(BODY, HTTP_ACCEPT=accept, CONTENT_TYPE="text/plain").status_code == 202


def test_an_unknown_event_type_is_kept_but_starts_nothing(deliver: Any) -> None:
    assert deliver(incident_event("incident.brand_new")).status_code == 202
    assert Event.objects.get().status == "ignored"


def test_characters_that_a_database_refuses_are_kept_in_the_body(deliver: Any) -> None:
    payload = incident_event("incident.triggered\u0000\ud800", incident="P\u0000\ud800")
    assert deliver(payload).status_code == 202
    event = Event.objects.get()
    assert json.loads(bytes(event.body))["event"]["data"]["id"] == "P\u0000\ud800"
    # What people, workflows and other software see of it is what pages and rows can carry.
    assert event.payload["event"]["data"]["id"] == event.lane == "P?"


def test_a_ping_confirms_the_url(deliver: Any, trigger: Trigger) -> None:
    ping = {
        "event": {
            "id": "01PING",
            "event_type": "pagey.ping",
            "resource_type": "pagey",
            "occurred_at": "2026-11-01T10:00:00Z",
            "agent": None,
            "client": None,
            "data": {"message": "Hello", "type": "ping"},
        }
    }
    assert deliver(ping).status_code == 202
    trigger.refresh_from_db()
    assert trigger.confirmed_at is not None
    assert Event.objects.get().status == "ignored"


def test_when_the_database_fails_the_sender_is_told_to_try_again(deliver: Any, monkeypatch: Any) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr("workflows.models.Event.save", fail)
    answer = deliver(BODY)

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_a_secret_that_no_key_opens_makes_the_sender_try_again(deliver: Any, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["another key, and only that one"]
    assert deliver(BODY).status_code == 503
    assert Event.objects.count() == 0


def test_a_paused_trigger_keeps_events_and_starts_nothing(deliver: Any, trigger: Trigger) -> None:
    Trigger.objects.update(status="paused")
    assert deliver(BODY).status_code == 202
    assert Event.objects.get().status == "ignored"


class TestBeforeTheSecretIsKnown:
    @pytest.fixture
    def new_trigger(self, connection: Any) -> Trigger:
        return lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Not set up yet"
        )

    def test_deliveries_are_held_and_judged_in_order_when_it_arrives(
        self, deliver: Any, new_trigger: Trigger
    ) -> None:
        first, second = incident_event(title="one"), incident_event(title="two")
        for payload in (first, second):
            assert deliver(payload, to=new_trigger).json() == {"status": "held"}
        assert deliver(incident_event(), to=new_trigger, secret="forged").status_code == 202
        assert Event.objects.count() == 0

        _, verdicts = secrets.add_secret(actor=SYSTEM, trigger=new_trigger, secret=SECRET)

        assert verdicts == {"accepted": 2, "refused": 1}
        titles = [event.payload["event"]["data"]["title"] for event in Event.objects.order_by("seq")]
        assert titles == ["one", "two"]
        assert HeldDelivery.objects.count() == 1, "what this secret did not sign may be another one's"

    def test_a_mistyped_secret_costs_nothing(self, deliver: Any, new_trigger: Trigger) -> None:
        deliver(incident_event(), to=new_trigger)

        _, mistyped = secrets.add_secret(actor=SYSTEM, trigger=new_trigger, secret=f"{SECRET}x")
        _, right = secrets.add_secret(actor=SYSTEM, trigger=new_trigger, secret=SECRET)

        assert (mistyped, right) == ({"refused": 1}, {"accepted": 1})
        assert Event.objects.get().status == "queued"

    def test_a_delivery_without_a_signature_is_not_held(self, client: Any, new_trigger: Trigger) -> None:
        answer = client.post(f"/hooks/pagerduty/{new_trigger.token}", BODY, content_type="application/json")
        assert answer.status_code == 401
        assert HeldDelivery.objects.count() == 0

    def test_holding_is_bounded_and_a_full_hold_asks_for_a_retry(
        self, deliver: Any, new_trigger: Trigger, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("workflows.inbox.limits.MAX_HELD", 2)
        assert [deliver(incident_event(), to=new_trigger).status_code for _ in range(3)] == [202, 202, 503]
        assert HeldDelivery.objects.count() == 2
