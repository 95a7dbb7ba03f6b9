"""Notifications: one for a flood, read and unread, by email as each person chose, and never of a foreign agency."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.accounts import people
from connections.connecting.revoke import revoke
from connections.grants import state
from connections.mail import digest, notification_emails
from connections.models import (
    Connection,
    Membership,
    Notification,
    NotificationFact,
    NotificationPreference,
    NotificationReceipt,
)
from connections.notifications import facts, kinds, preferences
from connections.notifications.kinds import Email, Kind
from connections.tenancy.actor import Actor
from tests.connections.grants.test_consent_expiry import reconnect
from tests.factories import ALL_SCOPES, SYSTEM, People, connect
from tests.support.browser import signed_in
from tests.support.notified import tell

NOON = datetime(2026, 10, 5, 12, 20, tzinfo=timezone.get_default_timezone())
LIST, SETTINGS = "/notifications/", "/settings/notifications/"
BROKEN = kinds.CONNECTION_BROKEN


def happens(
    who: People, times: int = 1, group: str = "g", kind: Kind = BROKEN, title: str = "It broke"
) -> None:
    for number in range(times):
        facts.notify(
            kind, workspace_id=who.acme.pk, group=group, title=title, reason=f"Because {number}", path="/x/"
        )


def bell(browser: Client) -> str:
    """The number at the bell, "" for none."""
    found = re.search(r'class="count">(\d+\+?)<', browser.get("/notifications/bell/").content.decode())
    return found[1] if found else ""


def test_a_flood_is_one_notification_and_one_email_an_hour(who: People) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        happens(who, 300)
        sent = tell()
        assert sorted(message.to[0] for message in sent) == [who.alice.email, who.dora.email]
        assert (
            "It broke (300 times)\nWorkspace: Acme\nReason: Because 299\nhttp://127.0.0.1:8000/x/"
            in sent[0].body
        )

        happens(who, 5)
        assert tell() == []
        clock.shift(timedelta(minutes=61))
        assert "It broke (305 times)" in tell()[0].body
        assert tell() == []
    assert Notification.objects.get().count == 305
    assert NotificationReceipt.objects.count() == 3
    assert not NotificationFact.objects.exists()


def test_what_happens_on_another_day_is_another_notification(who: People) -> None:
    for day in range(2):
        with time_machine.travel(NOON + timedelta(days=day), tick=False):
            happens(who)
            notification_emails.distribute()
    assert Notification.objects.count() == 2


def test_many_things_at_once_are_one_message(who: People) -> None:
    for number in range(60):
        happens(who, group=f"g{number}", title=f"No. {number}\r\nBcc: x@evil.example")
    sent = tell()

    assert len(sent) == 2
    assert sent[0].subject == "60 notifications: No. 59 Bcc: x@evil.example"
    assert sent[0].recipients() in ([who.alice.email], [who.dora.email])
    assert sent[0].body.count("Workspace: Acme") == 50
    assert "10 more:\nhttp://127.0.0.1:8000/notifications/" in sent[0].body
    assert (
        "You get this email as owner of Agency. Manage notifications: http://127.0.0.1:8000/settings/no"
        in (next(message for message in sent if message.to == [who.alice.email]).body)
    )


def test_each_person_chooses_at_once_hourly_or_off(who: People) -> None:
    for person, choice in ((who.alice, "off"), (who.dora, "hourly"), (who.bob, "at_once")):
        browser = signed_in(person)
        page = browser.get(SETTINGS).content.decode()
        assert "Connection needs attention" in page
        form = {kind.key: "off" for kind in kinds.known()} | {BROKEN.key: choice}
        assert browser.post(SETTINGS, form).status_code == 302
    assert signed_in(who.bob).post(SETTINGS, {BROKEN.key: "now and then"}).status_code == 400

    with time_machine.travel(NOON, tick=False) as clock:
        happens(who)
        assert [message.to for message in tell()] == [[who.bob.email]]
        happens(who, group="another")
        assert [message.to for message in tell()] == [[who.bob.email]]
        clock.shift(timedelta(minutes=41))
        sent = tell()
        assert [message.to for message in sent] == [[who.dora.email]]
        assert sent[0].subject == "2 notifications: It broke"
    assert NotificationReceipt.objects.filter(user=who.alice).count() == 2


def test_switching_off_holds_for_what_waits_too(who: People) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        preferences.choose(who.agency.pk, who.dora, {BROKEN.key: Email.HOURLY})
        preferences.choose(who.agency.pk, who.alice, {BROKEN.key: Email.OFF})
        happens(who)
        notification_emails.distribute()
        preferences.choose(who.agency.pk, who.dora, {BROKEN.key: Email.OFF})
        clock.shift(timedelta(hours=2))
        assert tell() == []


def test_what_was_read_meanwhile_is_not_emailed(who: People) -> None:
    preferences.choose(who.agency.pk, who.alice, {BROKEN.key: Email.HOURLY})
    preferences.choose(who.agency.pk, who.dora, {BROKEN.key: Email.OFF})
    happens(who)
    notification_emails.distribute()
    signed_in(who.alice).post("/notifications/read/")
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=True):
        assert tell() == []


def test_the_bell_counts_what_is_unread_and_the_link_reads_it(who: People) -> None:
    alice = signed_in(who.alice)
    assert bell(alice) == ""
    assert "Nothing needs your attention" in alice.get(LIST).content.decode()
    for group in ("one", "two", "three"):
        happens(who, group=group, title=f"Broke: {group} <b>")
    notification_emails.distribute()

    page = alice.get(LIST).content.decode()
    assert bell(alice) == "3"
    assert page.index("Broke: three &lt;b&gt;") < page.index("Broke: one &lt;b&gt;")
    first = Notification.objects.get(group="one")
    assert alice.get(f"{LIST}{first.pk}/")["Location"] == "/x/"
    assert bell(alice) == "2"
    assert alice.post(f"{LIST}{Notification.objects.get(group='two').pk}/")["Location"] == LIST
    assert bell(alice) == "1"
    alice.post(f"{LIST}read/")
    assert (bell(alice), bell(signed_in(who.bob))) == ("", "3")

    happens(who, group="one")
    notification_emails.distribute()
    assert bell(alice) == "1"


def test_nobody_sees_what_is_another_agency_s(who: People) -> None:
    happens(who)
    notification_emails.distribute()
    charlie = signed_in(who.charlie)

    assert bell(charlie) == ""
    assert "It broke" not in charlie.get(LIST).content.decode()
    assert charlie.get(f"{LIST}{Notification.objects.get().pk}/").status_code == 404


def test_who_is_removed_gets_and_sees_nothing_any_more(who: People) -> None:
    preferences.choose(who.agency.pk, who.bob, {BROKEN.key: Email.AT_ONCE})
    happens(who)
    notification_emails.distribute()
    actor = Actor(kind="user", label="Alice", user_id=who.alice.pk, roles={who.agency.pk: "owner"})
    people.remove(actor=actor, membership=Membership.objects.get(user=who.bob))
    happens(who, group="later")

    assert who.bob.email not in [message.to[0] for message in tell()]
    assert not NotificationReceipt.objects.filter(user=who.bob).exists()
    assert not NotificationPreference.objects.filter(user=who.bob).exists()


def test_who_is_removed_between_is_not_emailed(who: People) -> None:
    preferences.choose(who.agency.pk, who.bob, {BROKEN.key: Email.AT_ONCE})
    happens(who)
    notification_emails.distribute()
    Membership.objects.filter(user=who.bob).delete()
    assert who.bob.email not in [message.to[0] for message in tell()]


def test_a_broken_connection_is_told_until_it_is_reconnected_or_revoked(who: People) -> None:
    first, second = connect(who.acme, "First"), connect(who.acme, "Second")
    for connection in (first, second):
        state.break_off(connection, generation=1, reason="401")
    sent = tell()
    assert sent[0].subject.startswith("2 notifications: Reconnection needed:")
    assert bell(signed_in(who.alice)) == "2"

    reconnect(first, ALL_SCOPES)
    revoke(actor=SYSTEM, connection=second)
    assert bell(signed_in(who.alice)) == ""


def test_one_that_cannot_be_worded_keeps_no_other_from_people(
    who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fact: NotificationFact) -> Any:
        return Connection.objects.get(label="gone")

    monkeypatch.setitem(kinds._kinds, "odd", Kind("odd", "Something odd", "", words=broken))
    NotificationFact.objects.create(workspace=who.acme, kind="odd", group="o")
    NotificationFact.objects.create(workspace=who.acme, kind="no longer known", group="o")
    happens(who)

    notification_emails.distribute()
    assert {row.title for row in Notification.objects.all()} == {"It broke", "Something odd"}
    assert not NotificationFact.objects.exists()


def test_two_workers_at_once_hand_out_one(who: People, monkeypatch: pytest.MonkeyPatch) -> None:
    happens(who)
    notification_emails.distribute()
    receipt = NotificationReceipt.objects.get(user=who.alice)
    assert digest._owe(receipt.account_id, who.alice.pk, timezone.now()) is True
    assert digest._owe(receipt.account_id, who.alice.pk, timezone.now()) is False


def test_handing_out_takes_few_statements_however_often_it_happened(who: People) -> None:
    def counted(times: int, group: str) -> int:
        happens(who, times, group)
        with CaptureQueriesContext(database) as asked:
            notification_emails.distribute()
        return len(asked)

    assert counted(400, "many") == counted(1, "one")


def test_a_page_of_many_takes_as_many_statements_as_of_few(who: People) -> None:
    alice = signed_in(who.alice)

    def counted() -> int:
        with CaptureQueriesContext(database) as asked:
            assert alice.get(LIST).status_code == 200
        return len(asked)

    for number in range(2):
        happens(who, group=f"g{number}")
    notification_emails.distribute()
    alice.get(LIST)
    few = counted()
    for number in range(2, 120):
        happens(who, group=f"g{number}")
    notification_emails.distribute()
    assert counted() == few
    assert bell(alice) == "99+"
    assert "It broke" in alice.get(f"{LIST}?page=5").content.decode()


def test_they_are_kept_for_90_days_or_as_short_as_the_agency_keeps_its_data(who: People) -> None:
    happens(who)
    notification_emails.distribute()
    assert notification_emails.prune() == 0
    with time_machine.travel(timezone.now() + timedelta(days=10), tick=True):
        assert notification_emails.prune() == 0
        who.agency.retention_days = 7
        who.agency.save()
        assert notification_emails.prune() == 4
    assert not Notification.objects.exists()
