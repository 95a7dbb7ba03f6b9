"""Hooks in the browser."""

import re
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import AuditEvent, Connection
from core.crypto import reveal
from tests.factories import SYSTEM, People, arrive, connect
from tests.support.http_sinks import sink
from workflows import worker
from workflows.models import Hook, HookDelivery, HookSecret, Trigger
from workflows.outgoing import endpoints
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
LIST = "/settings/hooks/"
URL = "http://127.0.0.1:1/in?token=canary"


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def connection(who: People) -> Connection:
    return connect(who.acme)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    return lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New incidents"
    )


@pytest.fixture
def hook(who: People) -> Hook:
    made, _ = endpoints.create(
        actor=SYSTEM, workspace=who.acme, name="Warehouse", url=URL, events=True, runs=True
    )
    return made


def page(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(f"hooks:{name}", args=args), query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def once(client: Client, path: str) -> str:
    """The key of the form at `path`."""
    found = re.search(r'name="_once" value="([0-9a-f]{32})"', client.get(path, follow=True).content.decode())
    assert found
    return found[1]


def test_an_empty_list_teaches_what_a_hook_is(bob: Client) -> None:
    text = page(bob, "list")
    assert "No webhook endpoints yet" in text
    assert reverse("hooks:add") in text
    assert 'aria-current="page"' in text


def test_making_one_shows_its_secret_once(bob: Client, who: People, trigger: Trigger) -> None:
    path = reverse("hooks:add")
    sent = {
        "_once": once(bob, path),
        "name": "Warehouse",
        "workspace": who.acme.pk,
        "url": URL,
        "events": "on",
        "trigger": trigger.pk,
    }
    answer = bob.post(path, sent)
    secret = HookSecret.objects.get()
    whole = reveal(secret, "secret")
    assert whole in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]

    again = bob.post(path, sent, follow=True)
    assert "was already submitted" in again.content.decode()
    made = Hook.objects.get()
    for text in (again.content.decode(), page(bob, "detail", made.pk), page(bob, "list")):
        assert whole not in text
        assert secret.secret not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "ftp://x/"}, "It must begin with http"),
        ({"events": ""}, "Select at least one."),
        ({"name": ""}, "This field is required"),
        ({"_once": ""}, "Something was missing"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    bob: Client, who: People, change: dict[str, str], said: str
) -> None:
    path = reverse("hooks:add")
    sent = {
        "_once": once(bob, path),
        "name": "x",
        "workspace": who.acme.pk,
        "url": URL,
        "events": "on",
    } | change
    answer = bob.post(path, sent)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Hook.objects.exists()


def test_a_private_address_is_refused_where_that_is_not_allowed(
    bob: Client, who: People, settings: Any
) -> None:
    settings.HOOKS_ALLOW_PRIVATE = False
    path = reverse("hooks:add")
    sent = {
        "_once": once(bob, path),
        "name": "x",
        "workspace": who.acme.pk,
        "url": "https://127.0.0.1/",
        "events": "on",
    }
    assert "not an IP address" in bob.post(path, sent).content.decode()


def test_a_new_secret_is_shown_once_and_says_until_when_the_old_one_signs(bob: Client, hook: Hook) -> None:
    path = reverse("hooks:rotate", args=[hook.pk])
    sent = {"_once": once(bob, path), "hours": "24"}
    text = bob.post(path, sent).content.decode()
    newest = hook.secrets.get(expires_at__isnull=True)
    assert reveal(newest, "secret") in text
    assert "The previous secret is valid until" in text
    assert "was already submitted" in bob.post(path, sent, follow=True).content.decode()
    assert hook.secrets.count() == 2
    assert "Previous secret, valid until" in page(bob, "detail", hook.pk)
    assert "A rotation is in progress" in bob.get(path, follow=True).content.decode()


def test_a_test_is_sent_and_its_answer_shown(bob: Client, hook: Hook) -> None:
    with sink() as server:
        Hook.objects.update(url=server.url)
        answer = bob.post(reverse("hooks:test", args=[hook.pk]), follow=True)
        assert "Sending…" in answer.content.decode()
        worker.send_hooks()
    text = page(bob, "delivery", hook.pk, HookDelivery.objects.get().id)
    assert "204: delivered" in text
    assert "Delivered</span>" in page(bob, "detail", hook.pk)


def test_pause_resume_edit_and_delete(bob: Client, hook: Hook, trigger: Trigger) -> None:
    detail = reverse("hooks:detail", args=[hook.pk])
    assert "Paused: nothing is sent" in bob.post(f"{detail}pause/", follow=True).content.decode()
    assert "Resumed" in bob.post(f"{detail}resume/", follow=True).content.decode()
    edited = {"name": "Lake", "url": URL, "events": "on", "trigger": trigger.pk}
    assert "Lake" in bob.post(f"{detail}edit/", edited, follow=True).content.decode()
    hook.refresh_from_db()
    assert (hook.name, hook.runs, hook.trigger) == ("Lake", False, trigger)
    assert "Delete Lake?" in page(bob, "delete", hook.pk)
    assert "Lake deleted" in bob.post(f"{detail}delete/", follow=True).content.decode()
    assert bob.get(detail).status_code == 404
    acts = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"hook.created", "hook.changed", "hook.deleted"} <= acts


def test_the_log_is_narrowed_and_dead_letters_are_sent_again_by_one_click(
    bob: Client, hook: Hook, trigger: Trigger
) -> None:
    for _ in range(3):
        arrive(trigger)
    dead, other, _ = HookDelivery.objects.order_by("seq")
    HookDelivery.objects.filter(pk__in=[dead.pk, other.pk]).update(
        status="dead",
        next_attempt_at=None,
        attempts=10,
        tries=[{"at": "2026-11-25T10:00:00+00:00", "status": 500, "error": "refused", "ms": 12}],
    )
    text = page(bob, "deliveries", hook.pk, status="dead")
    assert text.count("Failed</span>") == 2
    assert "500: the endpoint rejected the message" in text
    assert "No results match your filters" in page(bob, "deliveries", hook.pk, incident="PNONE")
    assert ">Resend</button>" in page(bob, "delivery", hook.pk, dead.id)

    bob.post(reverse("hooks:replay", args=[hook.pk, dead.id]))
    assert set(HookDelivery.objects.values_list("pk", "status")) >= {
        (dead.pk, "waiting"),
        (other.pk, "dead"),
    }
    answer = bob.post(reverse("hooks:replay_all", args=[hook.pk]), follow=True)
    assert "1 dead letter queued for resend" in answer.content.decode()
    assert not HookDelivery.objects.filter(status="dead").exists()


def test_a_delivery_behind_another_says_so(bob: Client, hook: Hook, who: People) -> None:
    from workflows.models import Event
    from workflows.outgoing import outbox

    trigger = lifecycle.create(
        actor=SYSTEM, connection=connect(who.acme, "B"), key="pagerduty/incident-triggered", name="N"
    )
    for number in range(2):
        event = Event.objects.create(
            workspace=who.acme,
            trigger=trigger,
            external_id=str(number),
            event_type="incident.triggered",
            lane="PA",
            body=b"{}",
            status="queued",
        )
        outbox.owe_event(event)
    second = HookDelivery.objects.latest("seq")
    assert "an earlier message of the same incident" in page(bob, "delivery", hook.pk, second.id)


@pytest.mark.parametrize("name", ["list", "detail", "deliveries"])
def test_pages_take_as_many_queries_for_many_rows_as_for_few(
    bob: Client, hook: Hook, trigger: Trigger, who: People, name: str
) -> None:
    args = [] if name == "list" else [hook.pk]

    def more(count: int) -> int:
        for number in range(count):
            endpoints.create(
                actor=SYSTEM,
                workspace=who.acme,
                name=f"H{number}",
                url=URL,
                events=True,
                runs=False,
                trigger=trigger,
            )
            arrive(trigger)
        with CaptureQueriesContext(database) as queries:
            page(bob, name, *args)
        return len(queries)

    page(bob, name, *args)
    assert more(1) == more(6)
