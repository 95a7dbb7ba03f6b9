"""What stands around every page: the switcher and the banners."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Account, Connection, Membership, Workspace
from tests.connections.test_pages import LIST, signed_in
from tests.connections.test_workspaces import WORKSPACES, look_at
from tests.people import People
from tests.workflows.conftest import connect


@pytest.fixture
def alice(who: People) -> Client:
    return signed_in(who.alice)


def test_a_broken_connection_stays_in_sight_wherever_in_the_agency_one_looks(
    alice: Client, who: People
) -> None:
    connect(who.acme, "Main")
    Connection.objects.update(status="error")
    globex = Workspace.objects.create(account=who.agency, name="Globex")

    for place in (globex, who.acme, who.agency):
        look_at(alice, place)
        page = alice.get(WORKSPACES).content.decode()
        assert "Main</a> (Acme) waits for somebody to reconnect it" in page
        assert "Reconnection needed: </span>1<" in page


def test_another_agency_s_broken_connection_is_no_concern_of_this_one(alice: Client, who: People) -> None:
    rival = Account.objects.get(name="Rival")
    Membership.objects.create(account=rival, user=who.alice, role="member")
    connect(who.other, "Theirs")
    Connection.objects.update(status="error")

    assert "Theirs" not in alice.get(LIST).content.decode()
    look_at(alice, rival)
    assert "Theirs" in alice.get(WORKSPACES).content.decode()


def test_the_switcher_takes_as_many_queries_for_many_agencies_as_for_one(alice: Client, who: People) -> None:
    alice.get(LIST)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(LIST).status_code == 200
        return len(seen)

    before = queries()
    for number in range(10):
        account = Account.objects.create(name=f"Agency {number}")
        Membership.objects.create(account=account, user=who.alice, role="member")
        for each in range(2):
            Workspace.objects.create(account=account, name=f"Client {number}-{each}")
    assert queries() == before
    page = alice.get(LIST).content.decode()
    assert all(f"Client {number}-{each}" in page for number in range(10) for each in range(2))


def test_the_switcher_offers_the_first_workspaces_of_each_agency(alice: Client, who: People) -> None:
    account = Account.objects.create(name="Second")
    Membership.objects.create(account=account, user=who.alice, role="member")
    for where, name in ((who.agency, "Ours"), (account, "Other")):
        Workspace.objects.bulk_create(
            Workspace(account=where, name=f"{name} {number:02}") for number in range(40)
        )

    page = alice.get(LIST).content.decode()

    assert page.count('value="workspace:') == 60
    assert "Ours 00" in page
    assert "Other 29" in page
    assert "Other 30" not in page
