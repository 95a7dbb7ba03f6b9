"""The place a person looks at, Settings → Workspaces, and the reader's zone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import Account, AuditEvent, Connection, Membership, Workspace
from tests.factories import People, connect
from tests.support.browser import signed_in

LIST, SWITCH, WORKSPACES = (reverse(f"connections:{name}") for name in ("list", "switch", "workspaces"))


@pytest.fixture
def globex(who: People) -> Workspace:
    return Workspace.objects.create(account=who.agency, name="Globex")


def look_at(browser: Client, place: Any, **more: str) -> Any:
    kind = "workspace" if isinstance(place, Workspace) else "account"
    return browser.post(SWITCH, {"place": f"{kind}:{place.pk}"} | more)


def test_lists_show_the_workspace_that_is_looked_at_or_all(
    alice: Client, who: People, globex: Workspace
) -> None:
    connect(who.acme, "In Acme")
    connect(globex, "In Globex")
    both = alice.get(LIST).content.decode()
    assert "In Acme" in both
    assert "In Globex" in both

    look_at(alice, globex)

    one = alice.get(LIST).content.decode()
    assert "In Globex" in one
    assert "In Acme" not in one
    look_at(alice, who.agency)
    assert "In Acme" in alice.get(LIST).content.decode()


def test_nobody_looks_at_a_place_they_do_not_belong_to(alice: Client, who: People) -> None:
    connect(who.other, "Rival's")
    rival = Account.objects.get(name="Rival")
    for place in (who.other, rival):
        assert look_at(alice, place).status_code == 404
    for text in ("", "x", "workspace:", "workspace:x", "account:1", f"owner:{who.acme.pk}", "\0"):
        assert alice.post(SWITCH, {"place": text}).status_code == 404

    assert "Rival" not in alice.get(LIST).content.decode()


def test_a_membership_that_ends_takes_the_place_with_it(who: People, globex: Workspace) -> None:
    bob = signed_in(who.bob)
    look_at(bob, globex)
    Membership.objects.filter(user=who.bob).delete()

    assert bob.get(LIST).status_code == 403


def test_somebody_of_two_agencies_sees_one_at_a_time(alice: Client, who: People) -> None:
    rival = Account.objects.get(name="Rival")
    Membership.objects.create(account=rival, user=who.alice, role="member")
    connect(who.acme, "Ours")
    connect(who.other, "Theirs")
    assert "Theirs" not in alice.get(LIST).content.decode()

    look_at(alice, rival)

    page = alice.get(LIST).content.decode()
    assert "Theirs" in page
    assert "Ours" not in page
    # A member there, though an owner here.
    assert alice.get(reverse("connections:people")).status_code == 403


@pytest.mark.parametrize(
    "onwards", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1"]
)
def test_the_switcher_leads_to_our_own_pages_only(alice: Client, who: People, onwards: str) -> None:
    assert look_at(alice, who.acme, next=onwards)["Location"] == "/"
    assert look_at(alice, who.acme, next=WORKSPACES)["Location"] == WORKSPACES


def test_admins_make_and_rename_workspaces_and_the_agency(alice: Client, who: People) -> None:
    alice.post(reverse("connections:workspace_add"), {"name": "Initech"})
    made = Workspace.objects.get(name="Initech")
    alice.post(reverse("connections:workspace_rename", args=[made.pk]), {"name": "Initech Ltd"})
    alice.post(reverse("connections:agency"), {"name": "Better Agency"})

    made.refresh_from_db()
    who.agency.refresh_from_db()
    assert (made.name, who.agency.name) == ("Initech Ltd", "Better Agency")
    assert list(AuditEvent.objects.order_by("created_at").values_list("action", flat=True)) == [
        "workspace.created",
        "workspace.renamed",
        "account.renamed",
    ]


@pytest.mark.parametrize("name", ["", "Acme", "x" * 121, "two\nlines", "nul\0"], ids=range(5))
def test_a_name_that_will_not_do_is_refused_beside_the_field(alice: Client, name: str) -> None:
    answer = alice.post(reverse("connections:workspace_add"), {"name": name})

    assert answer.status_code == 400
    assert "name" in answer.context["form"].errors
    assert Workspace.objects.count() == 2


def test_a_foreign_workspace_is_not_renamed(alice: Client, who: People) -> None:
    path = reverse("connections:workspace_rename", args=[who.other.pk])

    assert alice.get(path).status_code == alice.post(path, {"name": "Mine"}).status_code == 404


def test_a_connection_is_renamed_unless_the_label_is_taken(alice: Client, who: People) -> None:
    first, _ = connect(who.acme, "First"), connect(who.acme, "Second")
    path = reverse("connections:change", args=[first.pk])

    taken = alice.post(path, {"label": "Second"})
    alice.post(path, {"label": "Main"})

    assert taken.status_code == 400
    first.refresh_from_db()
    assert first.label == "Main"
    assert AuditEvent.objects.get(action="connection.renamed").detail == {"from": "First", "to": "Main"}
    assert not AuditEvent.objects.filter(action="connection.default_from_changed").exists()


def test_a_usual_from_address_is_kept_shown_and_taken_back(alice: Client, who: People) -> None:
    first = connect(who.acme, "First")
    path = reverse("connections:change", args=[first.pk])

    wrong = alice.post(path, {"label": "First", "default_from": "no address"})
    alice.post(path, {"label": "First", "default_from": "dana@acme.example"})

    assert wrong.status_code == 400
    assert "dana@acme.example" in alice.get(reverse("connections:detail", args=[first.pk])).content.decode()
    assert AuditEvent.objects.get().detail == {"from": "", "to": "dana@acme.example"}
    alice.post(path, {"label": "First", "default_from": ""})
    first.refresh_from_db()
    assert first.default_from == ""


def test_the_list_counts_what_needs_a_person_in_as_many_queries_for_many_as_for_one(
    alice: Client, who: People
) -> None:
    connect(who.acme, "One")
    alice.get(WORKSPACES)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(WORKSPACES).status_code == 200
        return len(seen)

    before = queries()
    for number in range(12):
        connect(Workspace.objects.create(account=who.agency, name=f"W{number}"), "A")
    assert queries() == before
    Connection.objects.filter(label="A").update(status="error")
    page = alice.get(WORKSPACES).content.decode()
    assert page.count(">1 connection to reconnect.<") == 12
    assert page.count("12 connections need attention") == 1, "one line, however many"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2 Nov 2025, 01:30<"),
        ("America/New_York", "1 Nov 2025, 12:30<"),
        ("", "1 Nov 2025, 16:30 UTC<"),
        ("../../etc/passwd", "1 Nov 2025, 16:30 UTC<"),
        ("Etc", "1 Nov 2025, 16:30 UTC<"),
        ("posixrules", "1 Nov 2025, 16:30 UTC<"),
        ("asia/tokyo", "2 Nov 2025, 01:30<"),
    ],
)
def test_times_are_in_the_readers_zone(alice: Client, who: People, zone: str, shown: str) -> None:
    when = datetime(2025, 11, 1, 16, 30, tzinfo=UTC)
    Workspace.objects.create(account=who.agency, name="Old", created_at=when)
    alice.cookies["zone"] = zone

    page = alice.get(WORKSPACES).content.decode()

    assert shown in page
    assert 'title="2025-11-01 16:30:00 UTC"' in page
