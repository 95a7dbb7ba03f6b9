"""Client links: from the agency's form to the client's consent, and everything that must not come of one."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.connecting import client_links
from connections.mail import outbox
from connections.models import AuditEvent, ClientLink, Connection, Grant
from connections.tenancy.actor import Actor
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import People
from tests.support import notified
from tests.support.browser import signed_in
from tests.support.consent import decide
from tests.support.present import present

pytestmark = pytest.mark.django_db
CLIENT, AGREE, DONE = (reverse(f"connections:{name}") for name in ("client", "client_agree", "client_done"))
DANA = "dana@acme.example"


@pytest.fixture
def bob(who: People, sandbox: Sandbox) -> Client:
    """A member; that is enough to ask a client."""
    return signed_in(who.bob)


def make_link(browser: Client, who: People, **form: str) -> str:
    """The path and query of a new link, as the agency sees it on the connection's page."""
    data = {"label": "Acme", "workspace": str(who.acme.pk), "email": DANA, "expected_account": ""} | form
    answer = browser.post(reverse("connections:link_add"), data)
    assert answer.status_code == 302, answer.content.decode()
    return shown_link(browser)


def shown_link(browser: Client) -> str:
    page = browser.get(reverse("connections:detail", args=[Connection.objects.get().pk])).content.decode()
    found = re.search(r'value="(http[^"]+/client/\?link=[^"]+)"', page)
    assert found is not None
    parts = urlsplit(found[1])
    return f"{parts.path}?{parts.query}"


class Person:
    """A browser of a person without an account here."""

    def __init__(self) -> None:
        self.browser = Client()
        self.page = ""

    def open(self, link: str) -> Any:
        answer = self.browser.get(link, follow=True)
        self.page = answer.content.decode()
        return answer

    def send(self, path: str) -> Any:
        """The form of the page that was opened."""
        found = re.search(r'name="link" value="([^"]+)"', self.page)
        return self.browser.post(path, {"link": found[1]} if found else {})

    def agree(self) -> str:
        """PagerDuty's consent page, to which agreeing leads."""
        answer = self.send(AGREE)
        assert answer.status_code == 302, answer.content.decode()
        return str(answer["Location"])

    def come_back(self, back: str) -> Any:
        parts = urlsplit(back)
        return self.browser.get(f"{parts.path}?{parts.query}")


def test_a_client_connects_by_the_mailed_link_without_an_account(bob: Client, who: People) -> None:
    link = make_link(bob, who)
    outbox.send_due()
    assert mail.outbox[-1].to == [DANA]
    assert link in mail.outbox[-1].body
    dana = Person()

    page = dana.open(link).content.decode()
    for said in ("Agency wants to connect", "Create and update incidents", "incidents.write", DANA):
        assert said in page
    answer = dana.come_back(decide(dana.agree()))

    assert answer["Location"] == DONE
    done = dana.browser.get(DONE).content.decode()
    assert "acme" in done
    assert "App Registrations" in done
    connection = Connection.objects.get()
    assert (connection.status, connection.external_account_name) == ("active", "acme")
    assert connection.authorised_by is None
    assert connection.authorised_label == f"{DANA} (client link)"
    event = AuditEvent.objects.get(action="connection.connected")
    assert (event.actor_kind, event.ip) == ("client", "127.0.0.1")
    assert dana.browser.get("/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    told = notified.tell()
    assert sorted(message.to[0] for message in told) == [who.alice.email, who.dora.email]
    assert told[0].subject == f"Client connected: {connection.label}"
    assert f"Reason: {DANA} (client link) authorized the account acme." in told[0].body


def test_the_agency_sees_how_far_the_client_is(bob: Client, who: People) -> None:
    link = make_link(bob, who)
    path = reverse("connections:link_progress", args=[Connection.objects.get().pk])
    dana = Person()

    def now() -> str:
        page = bob.get(path).content.decode()
        found = re.search(r'aria-current="step">\s*<h3>([^<]+)', page)
        return found[1].strip() if found else ""

    assert now() == "Link opened"
    dana.open(link)
    assert ClientLink.objects.get().opened_at is not None
    consent = dana.agree()
    assert now() == "Approved; redirected to PagerDuty"
    dana.come_back(decide(consent, decision="deny"))
    assert "Client declined access" in bob.get(path).content.decode()
    dana.come_back(decide(dana.agree()))
    assert bob.get(path)["HX-Refresh"] == "true"


def test_looking_at_a_link_starts_nothing(bob: Client, who: People) -> None:
    link = make_link(bob, who)

    for _ in range(3):
        Person().open(link)
    asked_without_the_page = Client(enforce_csrf_checks=True)
    asked_without_the_page.get(link)

    assert asked_without_the_page.post(AGREE).status_code == 403
    assert Client().post(AGREE).status_code == 410
    assert Client().get(AGREE).status_code == 405
    assert ClientLink.objects.get().confirmed_at is None
    assert Connection.objects.get().status == "pending"


def test_a_consent_that_somebody_else_began_connects_nothing(bob: Client, who: People) -> None:
    """Mallory has the link, agrees, and gets Dana to say yes at PagerDuty for her."""
    mallory, dana = Person(), Person()
    mallory.open(make_link(bob, who))
    consent = mallory.agree()

    back = decide(consent)  # Dana's browser, signed in to PagerDuty
    answer = dana.come_back(back)

    assert answer.status_code == 400
    assert "Sign-in link expired" in answer.content.decode()
    assert Connection.objects.get().status == "pending"
    assert not Grant.objects.exists()


def test_the_link_works_once(bob: Client, who: People) -> None:
    link, dana = make_link(bob, who), Person()
    dana.open(link)
    dana.come_back(decide(dana.agree()))
    assert ClientLink.objects.get().secret is None

    again = Person()

    assert again.open(link).status_code == 410
    assert "This link has already been used" in again.browser.get(CLIENT).content.decode()
    assert dana.send(AGREE).status_code == 410


def test_of_two_browsers_with_the_link_one_connects(bob: Client, who: People) -> None:
    link, first, second = make_link(bob, who), Person(), Person()
    for person in (first, second):
        person.open(link)
    consents = [person.agree() for person in (first, second)]

    first.come_back(decide(consents[0]))
    answer = second.come_back(decide(consents[1], user="PUSER01"))

    assert answer.status_code == 410
    assert Grant.objects.get().generation == 1


@pytest.mark.parametrize("when", ["before agreeing", "at PagerDuty"])
@pytest.mark.parametrize("how", ["cancelled", "sent again", "expired", "connection revoked"])
def test_a_link_that_ends_meanwhile_connects_nothing(bob: Client, who: People, when: str, how: str) -> None:
    dana = Person()
    dana.open(make_link(bob, who))
    consent = dana.agree() if when == "at PagerDuty" else ""
    connection = Connection.objects.get()
    if how == "expired":
        ClientLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "connection revoked":
        bob.post(reverse("connections:revoke", args=[connection.pk]), {"label": "Acme"})
    else:
        name = "link_cancel" if how == "cancelled" else "link_again"
        bob.post(reverse(f"connections:{name}", args=[connection.pk]))

    answer = dana.come_back(decide(consent)) if consent else dana.send(AGREE)

    assert answer.status_code in (409, 410)
    connection.refresh_from_db()
    assert connection.status in ("pending", "revoked")
    assert not Grant.objects.filter(access_token__isnull=False).exists()


def test_an_expired_link_offers_to_ask_for_another_and_the_agency_sees_it(bob: Client, who: People) -> None:
    link, dana = make_link(bob, who), Person()
    ClientLink.objects.update(expires_at=timezone.now() - timedelta(days=1))

    page = dana.open(link)
    assert page.status_code == 410
    assert "Ask Agency for a new link" in page.content.decode()
    for _ in range(2):
        dana.send(reverse("connections:client_ask_again"))

    outbox.send_due()
    asked = [mailed for mailed in mail.outbox if "New invitation link requested" in mailed.subject]
    assert [mailed.to for mailed in asked] == [[who.bob.email]]
    connection = Connection.objects.get()
    assert (
        "requested a new link"
        in bob.get(reverse("connections:detail", args=[connection.pk])).content.decode()
    )
    bob.post(reverse("connections:link_again", args=[connection.pk]))
    assert dana.open(shown_link(bob)).status_code == 200


def test_another_account_than_the_expected_one_is_refused(bob: Client, who: People) -> None:
    dana = Person()
    dana.open(make_link(bob, who, expected_account="Globex"))

    answer = dana.come_back(decide(dana.agree()))

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "globex" in page
    assert "acme" in page
    assert reverse("connections:list") not in page
    assert Connection.objects.get().status == "pending"
    assert ClientLink.objects.get().ending == "unexpected_account"


def test_connecting_it_oneself_takes_the_link_back(bob: Client, who: People) -> None:
    link = make_link(bob, who)
    connection = Connection.objects.get()

    consent = str(bob.post(reverse("connections:reconnect", args=[connection.pk]))["Location"])
    parts = urlsplit(decide(consent))
    bob.get(f"{parts.path}?{parts.query}")

    connection.refresh_from_db()
    assert connection.status == "active"
    assert Person().open(link).status_code == 410


def test_a_broken_connection_is_reconnected_by_a_link_but_not_to_another_account(
    bob: Client, who: People
) -> None:
    dana = Person()
    dana.open(make_link(bob, who))
    dana.come_back(decide(dana.agree()))
    connection = Connection.objects.get()
    Connection.objects.update(status="error")
    path = f"{reverse('connections:link_add')}?connection={connection.pk}"
    assert bob.post(path, {"email": "", "expected_account": ""}).status_code == 302
    again = Person()
    again.open(shown_link(bob))

    other = again.come_back(decide(again.agree(), user="PUSER10"))
    same = again.come_back(decide(again.agree()))

    assert other.status_code == 409
    assert "has to approve a different account" in other.content.decode()
    assert same["Location"] == DONE
    connection.refresh_from_db()
    assert connection.status == "active"
    assert Connection.objects.count() == 1


def test_a_foreign_agency_has_nothing_to_do_with_a_link(bob: Client, who: People) -> None:
    make_link(bob, who)
    connection, charlie = Connection.objects.get(), signed_in(who.charlie)

    for name in ("link_again", "link_cancel"):
        assert charlie.post(reverse(f"connections:{name}", args=[connection.pk])).status_code == 404
    path = f"{reverse('connections:link_add')}?connection={connection.pk}"
    assert charlie.post(path, {"email": "", "expected_account": ""}).status_code == 404
    form = {"label": "Mine", "workspace": str(who.acme.pk), "email": "", "expected_account": ""}
    assert charlie.post(reverse("connections:link_add"), form).status_code == 400


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"label": ""}, "label"),
        ({"email": "dana"}, "email"),
        ({"label": "a\nb"}, "label"),
        ({"label": "Taken"}, "label"),
    ],
    ids=range(4),
)
def test_a_wrong_form_names_the_field(bob: Client, who: People, form: Any, field: str) -> None:
    Connection.objects.create(workspace=who.acme, provider="pagerduty", label="Taken")
    data = {"label": "Acme", "workspace": str(who.acme.pk), "email": DANA, "expected_account": ""} | form

    answer = bob.post(reverse("connections:link_add"), data)

    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert not ClientLink.objects.exists()


def test_agreeing_counts_for_the_agency_that_the_page_named(bob: Client, who: People) -> None:
    dana = Person()
    dana.open(make_link(bob, who))
    rival = client_links.send(
        actor=Actor(kind="user", label="charlie", user_id=who.charlie.pk),
        connection=None,
        workspace=who.other,
        provider="pagerduty",
        label="Theirs",
        email="",
        expected_account="",
    )
    dana.browser.get(present(rival.url))  # in another tab, or by a page that wants it so

    answer = dana.browser.post(AGREE, {"link": dana.page.split('name="link" value="')[1][:36]}, follow=True)

    assert "Rival wants to connect" in answer.content.decode()
    assert not ClientLink.objects.filter(confirmed_at__isnull=False).exists()


def test_after_revoking_the_link_says_so_and_what_is_left_to_do(bob: Client, who: People) -> None:
    link, dana = make_link(bob, who), Person()
    dana.open(link)
    dana.come_back(decide(dana.agree()))
    bob.post(reverse("connections:revoke", args=[Connection.objects.get().pk]), {"label": "Acme"})

    for answer in (dana.browser.get(DONE), dana.open(link)):
        assert answer.status_code == 410
        assert "The connection was revoked" in answer.content.decode()
        assert "App Registrations" in answer.content.decode()


def test_somebody_of_the_agency_who_uses_the_link_is_named(bob: Client, who: People) -> None:
    link, tester = make_link(bob, who), Person()
    tester.browser = bob
    tester.open(link)
    assert ClientLink.objects.get().opened_at is None

    tester.agree()

    confirmed = AuditEvent.objects.get(action="client_link.confirmed")
    assert (confirmed.actor_label, confirmed.user_id) == (f"{who.bob.email} (client link)", who.bob.pk)
