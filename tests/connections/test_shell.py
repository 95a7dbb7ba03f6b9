"""What stands around every page: the switcher and the banners."""

import pytest
from django.test import Client

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
