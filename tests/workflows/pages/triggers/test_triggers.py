"""The trigger pages: making one, the list, the guide, and the panel on the connection's page."""

import re
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import AuditEvent, Connection, Workspace
from tests.factories import SECRET, SYSTEM, People, connect, incident_event
from tests.support.browser import ADD, KEY, LIST, path, text
from workflows.inbox import secrets
from workflows.models import HeldDelivery, Trigger
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def new(connection: Connection) -> Trigger:
    """A trigger that is not set up yet."""
    return lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="Payments")


def make(browser: Client, at: Connection, **changes: Any) -> Any:
    return browser.post(ADD, {"connection": str(at.pk), "key": KEY, "name": "Payments"} | changes)


class TestMakingOne:
    def test_the_empty_list_says_what_a_trigger_is_and_the_form_what_comes_next(
        self, bob: Client, connection: Connection
    ) -> None:
        assert "No triggers yet" in text(bob.get(LIST))

        form = bob.get(ADD)

        assert "Triggers when an incident is resolved." in text(form)
        assert f'value="{connection.pk}" selected' in form.content.decode(), "the only one is chosen already"

    def test_a_member_makes_one_and_lands_on_its_guide(self, bob: Client, connection: Connection) -> None:
        answer = make(bob, connection)

        trigger = Trigger.objects.get()
        assert answer["Location"] == path("detail", trigger)
        assert (trigger.name, trigger.key, trigger.connection) == ("Payments", KEY, connection)
        guide = bob.get(answer["Location"])
        assert trigger.url in guide.content.decode()
        for words in (
            "Generic Webhooks (v3)",
            "New Webhook",
            "tick Incident Triggered",
            "Scope Type",
            "held",
            "Send Test Event",
        ):
            assert words in text(guide)
        assert AuditEvent.objects.get(action="trigger.created").actor_label == "bob@bob.example"

    def test_without_a_name_it_is_called_like_the_event(self, bob: Client, connection: Connection) -> None:
        make(bob, connection, name="")

        assert Trigger.objects.get().name == "Incident triggered"

    def test_a_connection_named_in_the_address_is_chosen_whatever_the_place(
        self, bob: Client, who: People, connection: Connection
    ) -> None:
        elsewhere = Workspace.objects.create(account=who.agency, name="Elsewhere")
        bob.post(reverse("connections:switch"), {"place": f"workspace:{elsewhere.pk}"})

        page = bob.get(f"{ADD}?connection={connection.pk}").content.decode()

        assert f'value="{connection.pk}" selected' in page
        bob.post(f"{ADD}?connection={connection.pk}", {"connection": str(connection.pk), "key": KEY})
        assert Trigger.objects.count() == 1

    def test_before_anything_is_connected_it_says_so(self, who: People, bob: Client) -> None:
        assert "Connect an account first" in text(bob.get(ADD))

    @pytest.mark.parametrize("status", ["pending", "active", "error"])
    def test_one_can_be_made_before_and_while_a_connection_works(
        self, bob: Client, connection: Connection, status: str
    ) -> None:
        Connection.objects.update(status=status)

        assert make(bob, connection).status_code == 302

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"key": ""}, "key"),
            ({"key": "pagerduty/other"}, "key"),
            ({"connection": ""}, "connection"),
            ({"connection": "x"}, "connection"),
            ({"name": "a\nb"}, "name"),
            ({"name": "x" * 121}, "name"),
        ],
        ids=range(6),
    )
    def test_what_is_wrong_is_named(
        self, bob: Client, connection: Connection, changes: dict[str, str], field: str
    ) -> None:
        answer = make(bob, connection, **changes)

        assert answer.status_code == 400
        assert list(answer.context["form"].errors) == [field]
        assert not Trigger.objects.exists()

    def test_a_foreign_or_revoked_connection_cannot_be_chosen(self, who: People, bob: Client) -> None:
        foreign, gone = connect(who.other, "Theirs"), connect(who.acme, "Gone")
        Connection.objects.filter(pk=gone.pk).update(status="revoked", revoked_at=timezone.now())

        for one in (foreign, gone):
            assert make(bob, one).status_code == 400
            assert bob.get(f"{ADD}?connection={one.pk}").status_code == 404
        assert bob.get(f"{ADD}?connection=nonsense").status_code == 404
        assert "Theirs" not in text(bob.get(ADD))
        assert not Trigger.objects.exists()


class TestTheList:
    def test_it_shows_the_triggers_of_the_place_with_their_state(
        self, bob: Client, who: People, connection: Connection, trigger: Trigger, new: Trigger
    ) -> None:
        Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
        foreign = lifecycle.create(
            actor=SYSTEM, connection=connect(who.other, "Theirs"), key=KEY, name="Secret plans"
        )

        page = text(bob.get(LIST))

        assert "New incidents Incident triggered Active" in page
        assert "Payments Incident triggered Needs signing secret" in page
        assert foreign.name not in page

    def test_it_can_be_narrowed_and_leaves_out_what_is_deleted(
        self, bob: Client, trigger: Trigger, new: Trigger
    ) -> None:
        lifecycle.change(actor=SYSTEM, trigger=new, changes={"status": "paused"})

        assert "New incidents" not in text(bob.get(f"{LIST}?status=paused"))
        assert "Payments" not in text(bob.get(f"{LIST}?q=inci"))
        assert "No results match your filters" in text(bob.get(f"{LIST}?q=%00zzz&status=active"))
        assert "New incidents" in text(bob.get(f"{LIST}?status=nonsense"))
        lifecycle.delete(actor=SYSTEM, trigger=trigger)
        assert "New incidents" not in text(bob.get(LIST))

    def test_it_takes_as_many_queries_for_many_as_for_one(
        self, bob: Client, connection: Connection, deliver: Any
    ) -> None:
        def queries(count: int) -> int:
            for number in range(count):
                one = lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name=f"Number {number}")
                deliver(incident_event(), to=one)
                secrets.add_secret(actor=SYSTEM, trigger=one, secret=SECRET)
                deliver(incident_event(), to=one, secret="wrong secret")
            with CaptureQueriesContext(database) as seen:
                assert bob.get(LIST).status_code == 200
            return len(seen)

        queries(1)
        assert queries(1) == queries(8)


class TestTheGuide:
    def test_the_parts_that_change_are_fetched_and_the_form_is_none_of_them(
        self, bob: Client, new: Trigger, deliver: Any
    ) -> None:
        page = bob.get(path("detail", new)).content.decode()
        again = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s"', page)
        assert again is not None
        poll = again[1].replace("&amp;", "&")
        assert bob.get(poll).status_code == 204, "nothing has changed, so nothing is swapped"

        deliver(incident_event(), to=new)
        changed = bob.get(poll)

        assert changed.status_code == 200
        assert "1 delivery has arrived and is waiting for the secret." in text(changed)
        assert "Pending signing secret" in text(changed)
        assert "<form" not in changed.content.decode()
        assert "<input" not in changed.content.decode()
        assert "Payments are slow" not in text(changed), "unproven, so nobody is shown what it says"

    def test_the_right_secret_takes_in_what_was_held_and_ends_the_guide(
        self, bob: Client, new: Trigger, deliver: Any
    ) -> None:
        deliver(incident_event(), to=new)

        answer = bob.post(path("secret_add", new), {"secret": f"  {SECRET} "}, follow=True)

        assert "1 held delivery was signed with it" in text(answer)
        assert "Payments are slow" in text(answer)
        assert "Set up webhook" not in text(answer)
        assert answer.context["health"].state.key == "live"
        page = bob.get(path("progress", new), {"guided": "1"})
        assert "The trigger is active." in text(page)
        assert "not yet" not in text(page), "the facts are swapped with the badge"
        assert 'id="trigger-facts" hx-swap-oob' in page.content.decode()
        assert 'id="signing" hx-swap-oob' in page.content.decode()
        assert 'id="step-confirm" class="state done"' in page.content.decode()

    def test_a_secret_that_does_not_fit_is_said_plainly(
        self, bob: Client, new: Trigger, deliver: Any
    ) -> None:
        for _ in range(2):
            deliver(incident_event(), to=new)

        answer = bob.post(path("secret_add", new), {"secret": "not-the-right-one"}, follow=True)

        words = "2 held deliveries were not signed with this secret"
        assert text(answer).count(words) == 2, "as the answer, and for as long as it is so"
        assert "Signature doesn’t match any secret" in text(answer)
        assert HeldDelivery.objects.count() == 2
        assert 'class="state bad"' in answer.content.decode()

    def test_refused_deliveries_before_the_first_good_one_point_at_the_secret(
        self, bob: Client, new: Trigger, deliver: Any
    ) -> None:
        bob.post(path("secret_add", new), {"secret": "not-the-right-one"})

        deliver(incident_event(), to=new)

        assert "1 delivery was rejected since this secret was added: signature mismatch" in text(
            bob.get(path("detail", new))
        )

    def test_it_is_polled_no_more_once_it_is_over(self, bob: Client, trigger: Trigger) -> None:
        assert "hx-get" in bob.get(path("detail", trigger)).content.decode()

        Trigger.objects.update(confirmed_at=timezone.now())

        assert "hx-get" not in bob.get(path("detail", trigger)).content.decode().partition("<main")[2]
        assert "hx-get" not in bob.get(path("progress", trigger), {"guided": "1"}).content.decode()


class TestOnTheConnectionsPage:
    def test_its_triggers_are_listed_with_a_way_to_another(
        self, bob: Client, connection: Connection, trigger: Trigger
    ) -> None:
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="another-signing-secret")

        page = bob.get(reverse("connections:detail", args=[connection.pk]))

        assert "New incidents Incident triggered Awaiting first event" in text(page)
        assert f"{ADD}?connection={connection.pk}" in page.content.decode()
        assert "Signing secret added" in text(page), "the history has words for it"

    def test_without_any_it_says_what_they_are_for_and_a_revoked_one_gets_none(
        self, bob: Client, connection: Connection
    ) -> None:
        address = reverse("connections:detail", args=[connection.pk])
        assert "A trigger starts workflows" in text(bob.get(address))

        Connection.objects.update(status="revoked", revoked_at=timezone.now())

        assert ADD not in bob.get(address).content.decode()

    def test_no_more_than_twenty_and_with_a_constant_number_of_queries(
        self, bob: Client, connection: Connection
    ) -> None:
        address = reverse("connections:detail", args=[connection.pk])

        def queries(count: int) -> int:
            for number in range(count):
                lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name=f"Number {number}")
            with CaptureQueriesContext(database) as seen:
                bob.get(address)
            return len(seen)

        queries(10)
        assert queries(1) == queries(14)
        page = text(bob.get(address))
        assert page.count("Needs signing secret") == 20
        assert "All triggers" in page
