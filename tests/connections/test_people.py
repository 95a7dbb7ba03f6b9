"""Settings → People: inviting, joining, roles, leaving, handing over."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import notices
from connections.models import Account, AuditEvent, Invitation, Membership, User
from tests.connections.test_pages import signed_in
from tests.people import People

PEOPLE, JOIN = reverse("connections:people"), reverse("connections:join")
EVE = "eve@agency.example"


@pytest.fixture
def alice(who: People) -> Client:
    return signed_in(who.alice)


def invite(browser: Client, email: str = EVE, role: str = "member") -> Any:
    return browser.post(PEOPLE, {"email": email, "role": role})


def mailed_link() -> str:
    """The path and query of the link in the newest mail."""
    notices.send_due()
    found = re.search(r"http\S+/join/\S+", str(mail.outbox[-1].body))
    assert found is not None
    parts = urlsplit(found[0])
    return f"{parts.path}?{parts.query}"


def sign_up(browser: Client, email: str) -> Any:
    form = {"email": email, "password1": "quite a long phrase", "password2": "quite a long phrase"}
    return browser.post("/accounts/signup/", form)


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


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

    joined = charlie.post(JOIN, follow=True).content.decode()

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
    refused = charlie.post(JOIN, follow=True).content.decode()
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
    assert "Ask whoever invited you" in answer.content.decode()
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
    assert "Send it again" in again.content.decode()
    assert Invitation.objects.count() == 1


def test_nobody_floods_a_mailbox_through_us(alice: Client) -> None:
    invite(alice)
    again = reverse("connections:invite_again", args=[Invitation.objects.get().pk])
    for _ in range(4):
        assert "new link" in alice.post(again, follow=True).content.decode()
    link = Invitation.objects.get().digest

    refused = alice.post(again, follow=True).content.decode()

    assert "5 mails since yesterday" in refused
    assert Invitation.objects.get().digest == link
    assert notices.send_due() == 1  # only the newest link is worth a mail
    assert len(mail.outbox) == 1
    alice.post(reverse("connections:invitation_cancel", args=[Invitation.objects.get().pk]))
    assert invite(alice).status_code == 400


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
        assert "Only the owner can hand the agency over" in answer.content.decode()
    assert "exactly one owner" in alice.get(path).content.decode()
    assert membership(who.bob).role == "member"

    alice.post(path)

    assert (membership(who.bob).role, membership(who.alice).role) == ("owner", "admin")


def test_removed_people_see_nothing_from_their_next_request_on(alice: Client, who: People) -> None:
    bob = signed_in(who.bob)
    path = reverse("connections:person_remove", args=[membership(who.bob).pk])
    assert "at once" in alice.get(path).content.decode()

    alice.post(path)

    page = bob.get(reverse("connections:list"))
    assert page.status_code == 403
    assert "belong to no agency" in page.content.decode()


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
