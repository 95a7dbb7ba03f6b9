"""What can be done with a trigger on its pages, what is asked first, and who may."""

import re
from typing import Any

import pytest
from django.test import Client

from connections.models import AuditEvent, Connection, Workspace
from tests.factories import SECRET, SYSTEM, People, incident_event, publish
from tests.support.browser import ADD, KEY, LIST, path, signed_in, text
from workflows.models import Event, Trigger, TriggerSecret, Workflow
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
GET_PAGES = ("detail", "progress", "rename", "delete", "deliveries")
ACTS = ("rename", "pause", "resume", "delete", "secret_add", "test")


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def new(connection: Connection) -> Trigger:
    """A trigger that is not set up yet."""
    return lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="Payments")


class TestSecrets:
    @pytest.mark.parametrize("secret", ["short", "x" * 501, "späte-geheimnisse", "", "with\0nul-inside"])
    def test_one_that_cannot_be_is_named_and_never_shown_again(
        self, bob: Client, new: Trigger, secret: str
    ) -> None:
        answer = bob.post(path("secret_add", new), {"secret": secret})

        assert answer.status_code == 400
        assert list(answer.context["form"].errors) == ["secret"]
        assert not secret or f'value="{secret}' not in answer.content.decode()
        assert not TriggerSecret.objects.exists()

    def test_no_page_and_no_answer_has_a_secret_in_it(
        self, bob: Client, trigger: Trigger, monkeypatch: Any
    ) -> None:
        secret = trigger.secrets.get()
        monkeypatch.setattr("workflows.inbox.limits.MAX_SECRETS", 2)
        second = "the-second-signing-secret"
        answers = [
            bob.post(path("secret_add", trigger), {"secret": second}, follow=True),
            bob.post(path("secret_add", trigger), {"secret": second}, follow=True),
            bob.post(path("secret_add", trigger), {"secret": "a-third-signing-secret"}),
            *(bob.get(path(name, trigger)) for name in GET_PAGES),
            bob.get(path("secret_retire", trigger, secret.pk)),
        ]

        assert answers[2].status_code == 400
        assert "Delete an unused secret" in text(answers[2])
        for answer in answers:
            page = answer.content.decode()
            for hidden in (SECRET, second, "a-third-signing-secret", secret.secret):
                assert hidden not in page
        assert 'autocomplete="off"' in bob.get(path("detail", trigger)).content.decode()
        assert trigger.secrets.count() == 2

    def test_retiring_asks_first_and_warns_of_the_last_one_and_of_one_in_use(
        self, bob: Client, trigger: Trigger, deliver: Any
    ) -> None:
        secret = trigger.secrets.get()
        deliver(incident_event())

        question = text(bob.get(path("secret_retire", trigger, secret.pk)))

        assert "the only active secret" in question
        assert "still uses it" in question
        secret.refresh_from_db()
        assert secret.retired_at is None

        done = bob.post(path("secret_retire", trigger, secret.pk), follow=True)

        assert "every delivery is rejected" in text(done)
        assert deliver(incident_event()).status_code == 401
        assert bob.post(path("secret_retire", trigger, secret.pk)).status_code == 404
        assert AuditEvent.objects.filter(action="trigger.secret_retired").count() == 1

    def test_a_secret_that_is_not_used_any_more_is_retired_without_warnings(
        self, bob: Client, trigger: Trigger, deliver: Any
    ) -> None:
        old = trigger.secrets.get()
        bob.post(path("secret_add", trigger), {"secret": "the-second-signing-secret"})
        deliver(incident_event(), secret="the-second-signing-secret")

        question = text(bob.get(path("secret_retire", trigger, old.pk)))

        assert "still uses it" not in question
        assert "the only active secret" not in question
        page = text(bob.get(path("detail", trigger)))
        assert page.count("Active Delete…") == 2
        assert "never" in page


class TestWhatCanBeDone:
    def test_rename_pause_and_resume(self, bob: Client, trigger: Trigger) -> None:
        before = trigger.name
        bob.post(path("rename", trigger), {"name": "Checkout"})
        paused = bob.post(path("pause", trigger), follow=True)

        assert "Checkout Paused" in text(paused)
        trigger.refresh_from_db()
        assert (trigger.name, trigger.status) == ("Checkout", "paused")
        assert "resumed" in text(bob.post(path("resume", trigger), follow=True))
        trigger.refresh_from_db()
        assert trigger.status == "active"
        changes = AuditEvent.objects.filter(action="trigger.changed").order_by("created_at")
        assert [event.detail for event in changes] == [
            {"trigger": before, "name": "Checkout"},
            {"trigger": "Checkout", "status": "paused"},
            {"trigger": "Checkout", "status": "active"},
        ]

    @pytest.mark.parametrize("name", ["", "a\tb", "x" * 121])
    def test_a_name_that_is_none_is_named(self, bob: Client, trigger: Trigger, name: str) -> None:
        answer = bob.post(path("rename", trigger), {"name": name})

        assert answer.status_code == 400
        trigger.refresh_from_db()
        assert trigger.name == "New incidents"

    def test_deleting_asks_first_and_closes_the_address(
        self, bob: Client, trigger: Trigger, connection: Connection, deliver: Any
    ) -> None:
        publish(trigger, connection)
        deliver(incident_event())

        question = text(bob.get(path("delete", trigger)))
        assert "1 workflow that starts on it is paused" in question
        assert "Delete the webhook in PagerDuty too" in question
        trigger.refresh_from_db()
        assert trigger.deleted_at is None

        assert "New incidents deleted." in text(bob.post(path("delete", trigger), follow=True))
        assert deliver(incident_event()).status_code == 404
        assert bob.get(path("detail", trigger)).status_code == 404
        assert bob.get(path("delivery", trigger, Event.objects.get().id)).status_code == 200
        assert Workflow.objects.get().status == "paused"

    def test_a_closed_trigger_says_so_and_takes_no_change(self, bob: Client, trigger: Trigger) -> None:
        Trigger.objects.update(status="closed")

        page = text(bob.get(path("detail", trigger)))
        assert "its connection was revoked" in page
        assert "Set up webhook" not in page
        for name in ("pause", "resume", "test"):
            assert bob.post(path(name, trigger), follow=True).context["trigger"].status == "closed"
        assert bob.post(path("rename", trigger), {"name": "New name"}).status_code == 400

    def test_a_test_event_is_sent_and_listed(self, bob: Client, trigger: Trigger) -> None:
        page = text(bob.post(path("test", trigger), follow=True))

        assert "Test event sent" in page
        assert "Accepted Test Checkout answers slowly" in page
        assert AuditEvent.objects.filter(action="trigger.tested").exists()


class TestWhoMay:
    def test_signed_out_every_page_leads_to_the_sign_in(self, client: Client, trigger: Trigger) -> None:
        for address in (LIST, ADD, *(path(name, trigger) for name in (*GET_PAGES, *ACTS))):
            answer = client.get(address)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/?next=")

    def test_a_foreign_trigger_is_not_there(self, who: People, trigger: Trigger) -> None:
        charlie = signed_in(who.charlie)
        secret = trigger.secrets.get()
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        for name in GET_PAGES:
            assert charlie.get(path(name, trigger)).status_code == 404
        for name in ACTS:
            assert charlie.post(path(name, trigger), {"name": "x", "secret": SECRET}).status_code == 404
        retire = path("secret_retire", trigger, secret.pk)
        assert charlie.get(retire).status_code == charlie.post(retire).status_code == 404
        assert charlie.get(path("delivery", trigger, event.id)).status_code == 404
        assert charlie.post(path("requeue", trigger, event.id)).status_code == 404
        assert "New incidents" not in text(charlie.get(LIST))
        trigger.refresh_from_db()
        assert (trigger.name, trigger.status, trigger.deleted_at) == ("New incidents", "active", None)

    def test_a_secret_or_event_of_another_trigger_is_not_there(
        self, bob: Client, trigger: Trigger, new: Trigger
    ) -> None:
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        assert bob.post(path("secret_retire", new, trigger.secrets.get().pk)).status_code == 404
        assert bob.get(path("delivery", new, event.id)).status_code == 404

    def test_acts_want_the_page_they_are_on(self, who: People, trigger: Trigger) -> None:
        strict = signed_in(who.alice, enforce_csrf_checks=True)
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        addresses = [ADD, *(path(name, trigger) for name in ACTS), path("requeue", trigger, event.id)]
        addresses.append(path("secret_retire", trigger, trigger.secrets.get().pk))
        for address in addresses:
            assert strict.post(address, {"name": "x"}).status_code == 403

    def test_looking_changes_nothing(self, bob: Client, trigger: Trigger) -> None:
        secret = trigger.secrets.get()
        event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
        before = (AuditEvent.objects.count(), Trigger.objects.values().get())

        for name in ("pause", "resume", "secret_add", "test"):
            assert bob.get(path(name, trigger)).status_code == 405
        assert bob.get(path("requeue", trigger, event.id)).status_code == 405
        for address in (LIST, ADD, *(path(name, trigger) for name in GET_PAGES)):
            assert bob.get(address).status_code == 200
        assert bob.get(path("secret_retire", trigger, secret.pk)).status_code == 200

        assert (AuditEvent.objects.count(), Trigger.objects.values().get()) == before
        assert trigger.secrets.get().retired_at is None

    def test_no_page_runs_inline_script_or_style(self, bob: Client, trigger: Trigger, new: Trigger) -> None:
        pages = [path(name, one) for name in GET_PAGES for one in (trigger, new)]
        for address in (LIST, ADD, *pages):
            page = bob.get(address).content.decode()
            assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page)
