"""Joining an agency by its invitation, and founding one of one's own."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.accounts import signup
from connections.models import Account, AuditEvent, Invitation, Membership, User
from core.db import tenant_scope
from tests.factories import People
from tests.support.browser import signed_in
from tests.support.invitations import EVE, JOIN, PEOPLE, invitation, invite, mailed_link, membership, sign_up


def test_an_invited_person_signs_up_and_belongs_to_the_agency_and_to_no_other(
    alice: Client, who: People, client: Client
) -> None:
    assert invite(alice, role="admin").status_code == 302
    link = mailed_link()
    assert mail.outbox[-1].to == [EVE]

    opened = client.get(link)
    assert opened["Location"] == JOIN
    assert "invites" in client.get(JOIN).content.decode()
    sign_up(client, EVE)

    eve = User.objects.get(email=EVE)
    assert (membership(eve).account, membership(eve).role) == (who.agency, "admin")
    assert Account.objects.count() == 2
    assert client.get(reverse("connections:list")).status_code == 200
    assert AuditEvent.objects.get(action="person.joined").actor_label == EVE


def test_somebody_with_an_account_joins_after_signing_in_and_the_link_works_once(
    alice: Client, who: People
) -> None:
    invite(alice, who.charlie.email)
    link, charlie = mailed_link(), signed_in(who.charlie)
    charlie.get(link)

    joined = charlie.post(JOIN, invitation(), follow=True).content.decode()

    assert "Welcome to Agency" in joined
    assert set(Membership.objects.filter(user=who.charlie).values_list("account__name", flat=True)) == {
        "Agency",
        "Rival",
    }
    charlie.get(link)
    assert charlie.get(JOIN).status_code == 410


def test_an_invitation_counts_for_its_address_alone(alice: Client, who: People, client: Client) -> None:
    invite(alice)
    link, charlie = mailed_link(), signed_in(who.charlie)

    charlie.get(link)
    refused = charlie.post(JOIN, invitation(), follow=True).content.decode()
    client.get(link)
    sign_up(client, "mallory@evil.example")

    assert "signed in as charlie@charlie.example" in refused
    assert Membership.objects.filter(account=who.agency).count() == 3
    assert Invitation.objects.open().count() == 1


@pytest.mark.parametrize("how", ["expired", "cancelled", "sent again", "made up"])
def test_a_link_that_does_not_count_any_more_says_so(alice: Client, client: Client, how: str) -> None:
    invite(alice)
    link, invitation = mailed_link(), Invitation.objects.get()
    if how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "cancelled":
        alice.post(reverse("connections:invitation_cancel", args=[invitation.pk]))
    elif how == "sent again":
        alice.post(reverse("connections:invite_again", args=[invitation.pk]))
    else:
        link = f"{JOIN}?link={'x' * 5000}"

    client.get(link)

    answer = client.get(JOIN)
    assert answer.status_code == 410
    assert "Ask the person who invited you" in answer.content.decode()
    sign_up(client, EVE)
    assert membership(User.objects.get(email=EVE)).role == "owner"  # of an agency of their own


def test_sent_again_the_new_link_works(alice: Client, client: Client) -> None:
    invite(alice)
    before = mailed_link()
    alice.post(reverse("connections:invite_again", args=[Invitation.objects.get().pk]))
    after = mailed_link()

    client.get(after)

    assert before != after
    assert client.get(JOIN).status_code == 200


def test_the_secret_of_an_invitation_is_sealed_and_erased_when_it_is_over(alice: Client) -> None:
    invite(alice)
    secret = mailed_link().partition("link=")[2]
    stored = Invitation.objects.get()
    assert stored.secret is not None
    assert secret not in str(stored.__dict__)
    assert secret in alice.get(PEOPLE).content.decode()

    alice.post(reverse("connections:invitation_cancel", args=[stored.pk]))

    stored.refresh_from_db()
    assert stored.secret is None
    assert secret not in alice.get(PEOPLE).content.decode()


def test_a_leaked_link_lets_nobody_in_who_does_not_own_the_address(
    alice: Client, who: People, client: Client, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    invite(alice, role="admin")
    link = mailed_link()
    client.get(link)
    sign_up(client, EVE)

    mallory = User.objects.get(email=EVE)
    assert not Membership.objects.filter(user=mallory).exists()
    assert Invitation.objects.usable().count() == 1
    inside = signed_in(mallory)  # however that should come about
    inside.get(link)
    assert "Verify your email address" in inside.post(JOIN, invitation(), follow=True).content.decode()
    assert not Membership.objects.filter(user=mallory).exists()


def test_whoever_has_confirmed_the_address_finds_the_invitation_waiting(
    alice: Client, who: People, client: Client, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    invite(alice)
    client.get(mailed_link())
    sign_up(client, EVE)
    EmailAddress.objects.update(verified=True)
    elsewhere = signed_in(User.objects.get(email=EVE))

    assert "Agency invites you" in elsewhere.get(reverse("connections:list")).content.decode()
    assert "Welcome to Agency" in elsewhere.post(JOIN, invitation(), follow=True).content.decode()


def test_an_invitation_cancelled_while_its_form_is_filled_in_leaves_a_way_on(
    alice: Client, who: People, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(alice)
    client.get(mailed_link())
    seen = signup.invitation_in

    def cancelled_after_that(request: Any) -> Any:
        found = seen(request)
        with tenant_scope.unscoped():
            Invitation.objects.update(cancelled_at=timezone.now(), secret=None)
        return found

    monkeypatch.setattr(signup, "invitation_in", cancelled_after_that)
    sign_up(client, EVE)

    page = client.get(reverse("connections:list"))
    assert "not a member of any agency" in page.content.decode()
    client.post(reverse("connections:found"), {"name": "Eve & Co"})
    assert client.get(reverse("connections:list")).status_code == 200
    assert membership(User.objects.get(email=EVE)).role == "owner"


def test_an_agency_of_ones_own_needs_a_name_and_is_for_people_without_one(alice: Client, who: People) -> None:
    nobody = signed_in(User.objects.create_user("nobody@x.example"))

    assert nobody.post(reverse("connections:found"), {"name": ""}).status_code == 400
    assert alice.post(reverse("connections:found"), {"name": "Second"}).status_code == 302
    assert Account.objects.count() == 2


def test_joining_counts_for_the_agency_that_the_page_named(alice: Client, who: People) -> None:
    invite(alice, "nobody@x.example")
    nobody, link = signed_in(User.objects.create_user("nobody@x.example")), mailed_link()
    nobody.get(link)
    named = invitation()
    invite(signed_in(who.charlie), "nobody@x.example")
    nobody.get(mailed_link())  # in another tab, or by a page that wants it so

    nobody.post(JOIN, named)

    assert not Membership.objects.filter(user__email="nobody@x.example").exists()
    assert "Join Rival" in nobody.get(JOIN).content.decode()


def test_support_staff_of_no_agency_find_their_way(db: None) -> None:
    sam = User.objects.create_user("sam@x.example", is_staff=True)

    assert 'href="/admin/"' in signed_in(sam).get(reverse("connections:list")).content.decode()
    refused = signed_in(sam).get("/admin/connections/connection/")
    assert refused.status_code == 403
    assert "have permission to view this page" in refused.content.decode()
