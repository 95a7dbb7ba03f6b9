"""Settings → People: inviting, joining, roles, leaving, handing over."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.mail import outbox
from connections.models import Account, AuditEvent, Invitation, Membership, User
from tests.factories import People
from tests.support.browser import signed_in
from tests.support.invitations import EVE, PEOPLE, invite, membership


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": "bob@bob.example"}, "email"),
        ({"role": "owner"}, "role"),
    ],
    ids=range(4),
)
def test_an_invitation_that_is_wrong_names_the_field(alice: Client, form: Any, field: str) -> None:
    answer = alice.post(PEOPLE, {"email": EVE, "role": "member"} | form)

    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert not Invitation.objects.exists()


def test_one_open_invitation_for_an_address_at_a_time(alice: Client) -> None:
    invite(alice)

    again = invite(alice, EVE.upper())

    assert again.status_code == 400
    assert "Resend it" in again.content.decode()
    assert Invitation.objects.count() == 1


def test_nobody_floods_a_mailbox_through_us(alice: Client) -> None:
    invite(alice)
    again = reverse("connections:invite_again", args=[Invitation.objects.get().pk])
    for _ in range(4):
        assert "New link sent" in alice.post(again, follow=True).content.decode()
    link = Invitation.objects.get().digest

    refused = alice.post(again, follow=True).content.decode()

    assert "5 emails since yesterday" in refused
    assert Invitation.objects.get().digest == link
    assert outbox.send_due() == 1  # only the newest link is worth a mail
    assert len(mail.outbox) == 1
    alice.post(reverse("connections:invitation_cancel", args=[Invitation.objects.get().pk]))
    assert invite(alice).status_code == 400


def test_nobody_floods_a_mailbox_through_many_agencies(db: None) -> None:
    for number in range(4):
        owner = User.objects.create_user(f"owner{number}@x.example")
        account = Account.objects.create(name=f"Agency {number}")
        Membership.objects.create(account=account, user=owner, role="owner")
        browser = signed_in(owner)
        assert invite(browser).status_code == (302 if number < 3 else 400)
        for _ in range(4 if number < 3 else 0):
            again = reverse("connections:invite_again", args=[account.invitations.get().pk])
            assert "New link sent" in browser.post(again, follow=True).content.decode()


def test_roles_change_between_member_and_admin_and_count_at_once(alice: Client, who: People) -> None:
    bob = signed_in(who.bob)
    assert bob.get(PEOPLE).status_code == 403

    alice.post(reverse("connections:person_role", args=[membership(who.bob).pk]), {"role": "admin"})

    assert bob.get(PEOPLE).status_code == 200
    assert AuditEvent.objects.get(action="person.role_changed").detail == {
        "who": who.bob.email,
        "from": "member",
        "to": "admin",
    }
    alice.post(reverse("connections:person_role", args=[membership(who.bob).pk]), {"role": "member"})
    assert bob.get(PEOPLE).status_code == 403


def test_nobody_makes_themselves_owner_or_takes_the_owner_away(who: People) -> None:
    dora, owner = signed_in(who.dora), membership(who.alice)

    dora.post(reverse("connections:person_role", args=[owner.pk]), {"role": "member"})
    dora.post(reverse("connections:person_role", args=[membership(who.dora).pk]), {"role": "owner"})
    dora.post(reverse("connections:person_remove", args=[owner.pk]))
    dora.post(reverse("connections:hand_over", args=[membership(who.dora).pk]))

    assert membership(who.alice).role == "owner"
    assert membership(who.dora).role == "admin"


def test_the_owner_hands_the_agency_over(alice: Client, who: People) -> None:
    path = reverse("connections:hand_over", args=[membership(who.bob).pk])
    for answer in (signed_in(who.dora).get(path), signed_in(who.dora).post(path)):
        assert answer.status_code == 403
        assert "Only the owner can transfer ownership" in answer.content.decode()
    assert "Each agency has one owner" in alice.get(path).content.decode()
    assert membership(who.bob).role == "member"

    alice.post(path)

    assert (membership(who.bob).role, membership(who.alice).role) == ("owner", "admin")


def test_removed_people_see_nothing_from_their_next_request_on(alice: Client, who: People) -> None:
    bob = signed_in(who.bob)
    path = reverse("connections:person_remove", args=[membership(who.bob).pk])
    assert "lose access immediately" in alice.get(path).content.decode()

    alice.post(path)

    page = bob.get(reverse("connections:list"))
    assert page.status_code == 403
    assert "not a member of any agency" in page.content.decode()


def test_a_member_leaves_but_removes_nobody_else(who: People) -> None:
    bob = signed_in(who.bob)
    for other in (who.alice, who.dora):
        for ask in (bob.get, bob.post):
            path = reverse("connections:person_remove", args=[membership(other).pk])
            assert ask(path).status_code == 404

    leaving = bob.get(reverse("connections:leave"))["Location"]
    bob.post(leaving)

    assert not Membership.objects.filter(user=who.bob).exists()
    assert Membership.objects.filter(account=who.agency).count() == 2


def test_the_list_takes_as_many_queries_for_many_people_as_for_one(alice: Client, who: People) -> None:
    alice.get(PEOPLE)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(PEOPLE).status_code == 200
        return len(seen)

    invite(alice, "first@agency.example")
    before = queries()
    for number in range(12):
        person = User.objects.create_user(f"p{number}@agency.example")
        Membership.objects.create(account=who.agency, user=person, role="member")
        invite(alice, f"i{number}@agency.example")
    alice.get(PEOPLE)
    assert queries() == before
