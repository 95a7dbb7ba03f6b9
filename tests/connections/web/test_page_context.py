"""What stands around every page: the switcher and the banners."""

import re

from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import Account, Connection, Membership, Workspace
from tests.connections.pages.test_workspaces import WORKSPACES, look_at
from tests.factories import People, connect
from tests.support.browser import CONNECTIONS


def attention(browser: Client) -> str:
    """What the bar says, on one line; "" without one."""
    page = browser.get(WORKSPACES).content.decode()
    bar = re.search(r'<p class="notice error" role="alert">(.*?)</p>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", bar[1]).split()) if bar else ""


def test_a_broken_connection_is_in_sight_in_its_workspace_and_in_its_agency(
    alice: Client, who: People
) -> None:
    connect(who.acme, "Main")
    Connection.objects.update(status="error")
    globex = Workspace.objects.create(account=who.agency, name="Globex")

    for place, said in (
        (globex, ""),
        (who.acme, "Main (Acme) needs to be reconnected."),
        (who.agency, "Main (Acme) needs to be reconnected."),
    ):
        look_at(alice, place)
        assert attention(alice) == said
        assert ("Reconnection needed: </span>1<" in alice.get(WORKSPACES).content.decode()) is bool(said)


def test_many_broken_connections_are_one_line_with_their_number(alice: Client, who: People) -> None:
    for number in range(12):
        connect(who.acme, f"C{number}")
    Connection.objects.update(status="error")

    assert attention(alice) == "12 connections need attention · Review"
    page = alice.get(WORKSPACES).content.decode()
    assert "Reconnection needed: </span>12<" in page
    assert page.count('role="alert"') == 1
    assert f'{CONNECTIONS}?status=error"' in page


def test_on_its_own_page_a_broken_connection_is_told_once(alice: Client, who: People) -> None:
    broken = connect(who.acme, "Main")
    Connection.objects.update(status="error")

    page = alice.get(f"{CONNECTIONS}{broken.pk}/").content.decode()

    assert 'role="alert"' not in page
    assert "rejected our credentials" in page


def test_another_agency_s_broken_connection_is_no_concern_of_this_one(alice: Client, who: People) -> None:
    rival = Account.objects.get(name="Rival")
    Membership.objects.create(account=rival, user=who.alice, role="member")
    connect(who.other, "Theirs")
    Connection.objects.update(status="error")

    assert "Theirs" not in alice.get(CONNECTIONS).content.decode()
    look_at(alice, rival)
    assert "Theirs" in alice.get(WORKSPACES).content.decode()


def test_the_switcher_takes_as_many_queries_for_many_agencies_as_for_one(alice: Client, who: People) -> None:
    alice.get(CONNECTIONS)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(CONNECTIONS).status_code == 200
        return len(seen)

    before = queries()
    for number in range(10):
        account = Account.objects.create(name=f"Agency {number}")
        Membership.objects.create(account=account, user=who.alice, role="member")
        for each in range(2):
            Workspace.objects.create(account=account, name=f"Client {number}-{each}")
    assert queries() == before
    page = alice.get(CONNECTIONS).content.decode()
    assert all(f"Client {number}-{each}" in page for number in range(10) for each in range(2))


def test_the_switcher_offers_the_first_workspaces_of_each_agency(alice: Client, who: People) -> None:
    account = Account.objects.create(name="Second")
    Membership.objects.create(account=account, user=who.alice, role="member")
    for where, name in ((who.agency, "Ours"), (account, "Other")):
        Workspace.objects.bulk_create(
            Workspace(account=where, name=f"{name} {number:02}") for number in range(40)
        )

    page = alice.get(CONNECTIONS).content.decode()

    assert page.count('value="workspace:') == 60
    assert "Ours 00" in page
    assert "Other 29" in page
    assert "Other 30" not in page


def test_the_switcher_names_the_workspace_of_what_the_page_is_about(alice: Client, who: People) -> None:
    """Also where another one, or another agency of the person, was chosen; what was chosen stays so."""
    globex = Workspace.objects.create(account=who.agency, name="Globex")
    Membership.objects.create(account=who.other.account, user=who.alice, role="member")
    acme, other = (reverse("connections:detail", args=[connect(row).pk]) for row in (who.acme, who.other))

    def named(address: str) -> str:
        page = alice.get(address).content.decode()
        found = re.search(
            r'<span class="where"><strong>(.*?)</strong> <span class="quiet">(.*?)</span>', page
        )
        current = re.findall(r'aria-current="true">(.*?)</button>', page)
        assert found is not None
        assert current == [found[1]]
        return f"{found[1]} · {found[2]}"

    for place, of_acme, of_other, of_list in (
        (globex, "Acme · Agency", "Other · Rival", "Globex · Agency"),
        (who.acme, "Acme · Agency", "Other · Rival", "Acme · Agency"),
        (who.agency, "All workspaces · Agency", "Other · Rival", "All workspaces · Agency"),
    ):
        look_at(alice, place)
        assert [named(acme), named(other), named(CONNECTIONS)] == [of_acme, of_other, of_list]
