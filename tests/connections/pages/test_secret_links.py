"""Links that ask people outside, as the agency sees them: whose name they bear, and what if no key opens them."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from connections.mail import outbox
from connections.models import Account, ClientLink, Connection, Invitation, Membership
from tests.factories import People
from tests.support.browser import connection_page
from tests.support.present import present

PEOPLE, LINK_ADD = reverse("connections:people"), reverse("connections:link_add")
CANNOT = "The link can’t be displayed again"
LOST_KEYS = ["another key than the one before"]


def ask_client(browser: Client, who: People, email: str = "") -> Connection:
    form = {"label": "Asked", "workspace": str(who.acme.pk), "email": email, "expected_account": ""}
    assert browser.post(LINK_ADD, form).status_code == 302
    return Connection.objects.get(label="Asked")


def test_an_invitation_that_no_key_opens_can_be_sent_again(alice: Client, settings: Any) -> None:
    alice.post(PEOPLE, {"email": "eve@agency.example", "role": "member"})
    settings.ENCRYPTION_KEYS = LOST_KEYS

    answer = alice.get(PEOPLE)

    assert answer.status_code == 200
    page = answer.content.decode()
    assert CANNOT in page
    assert "None" not in page
    alice.post(reverse("connections:invite_again", args=[Invitation.objects.get().pk]))
    assert present(Invitation.objects.get().url) in alice.get(PEOPLE).content.decode()


@pytest.mark.parametrize(
    ("email", "button"), [("dana@acme.example", "Resend"), ("", "Regenerate link")], ids=["mailed", "not"]
)
def test_a_client_link_that_no_key_opens_can_be_sent_again(
    alice: Client, who: People, settings: Any, email: str, button: str
) -> None:
    connection = ask_client(alice, who, email)
    settings.ENCRYPTION_KEYS = LOST_KEYS

    for path in (connection_page(connection), connection_page(connection, "link_progress")):
        answer = alice.get(path)
        assert answer.status_code == 200
        assert CANNOT in answer.content.decode()
        assert button in answer.content.decode()

    alice.post(connection_page(connection, "link_again"))
    assert present(ClientLink.objects.get().url) in alice.get(connection_page(connection)).content.decode()


def test_a_mail_whose_link_no_key_opens_is_not_sent(alice: Client, settings: Any) -> None:
    alice.post(PEOPLE, {"email": "eve@agency.example", "role": "member"})
    settings.ENCRYPTION_KEYS = LOST_KEYS

    assert outbox.send_due() == 0
    assert mail.outbox == []


def test_the_form_names_the_agency_that_the_link_will_name(alice: Client, who: People) -> None:
    rival = Account.objects.get(name="Rival")
    Membership.objects.create(account=rival, user=who.alice, role="member")
    theirs = Connection.objects.create(workspace=who.other, provider="pagerduty", label="Theirs")

    def named(path: str) -> str:
        found = re.search(r"It shows (.+) and the requested permissions", alice.get(path).content.decode())
        return found[1] if found else ""

    assert named(LINK_ADD) == "Agency"
    assert named(f"{LINK_ADD}?connection={theirs.pk}") == "Rival"
