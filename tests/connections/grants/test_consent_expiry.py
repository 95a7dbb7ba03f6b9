"""Consents expire: the people in charge are notified in time, and only while it is true."""

from datetime import datetime, timedelta

import pytest
import responses
from django.core import mail
from django.utils import timezone

from connections.connecting.complete import Ending, authorise
from connections.grants import consent_expiry, tokens
from connections.grants.registry import Identity, Tokens
from connections.mail import notification_emails
from connections.models import Connection, Grant, Notification, NotificationReceipt
from tests.connections.grants.test_refresh import age, renewed
from tests.factories import ALL_SCOPES, SYSTEM, People, connect
from tests.support import notified
from tests.support.browser import connection_page, signed_in
from tests.support.present import present


def ends_in(connection: Connection, **life: float) -> datetime:
    """Let its consent end that much later than now, a year after it was given."""
    ends = timezone.now() + timedelta(**life)
    Grant.objects.filter(connection=connection).update(
        consent_ends_at=ends, obtained_at=ends - timedelta(days=365)
    )
    return ends


def reconnect(connection: Connection, scopes: list[str]) -> None:
    ending = authorise(
        actor=SYSTEM,
        connection=connection,
        identity=Identity("PACC", "acme", "PUSER", "us"),
        tokens=Tokens("access", "refresh", scopes, timezone.now() + timedelta(days=1)),
        scopes_asked=scopes,
    )
    assert ending == Ending.CONNECTED


def tell() -> list[str]:
    """The subjects of what goes out now."""
    consent_expiry.announce()
    return [message.subject for message in notified.tell()]


@pytest.mark.parametrize(("scopes", "unused", "consent"), [(ALL_SCOPES, 30, 365), (["write"], 210, 1095)])
def test_a_consent_brings_the_days_on_which_it_ends(
    connection: Connection, scopes: list[str], unused: int, consent: int
) -> None:
    reconnect(connection, scopes)

    grant = Grant.objects.get()
    assert grant.consent_ends_at == grant.obtained_at + timedelta(days=consent)
    assert grant.lapses_at == present(grant.refreshed_at) + timedelta(days=unused)


def test_a_renewal_puts_off_the_lapse_but_never_the_end_of_the_consent(
    connection: Connection, http: responses.RequestsMock
) -> None:
    consented = timezone.now() - timedelta(days=100)
    age(connection, obtained_at=consented)
    renewed(http)
    tokens.access_token(connection)

    grant = Grant.objects.get()
    assert grant.consent_ends_at == consented + timedelta(days=365)
    assert present(grant.lapses_at) > timezone.now() + timedelta(days=29)


def test_those_in_charge_are_told_a_month_and_a_week_before_each_once(
    who: People, connection: Connection
) -> None:
    ends = ends_in(connection, days=31)
    assert tell() == []

    ends = ends_in(connection, days=29)
    assert tell() == [f"Reconnect before {ends:%-d %b %Y}: Acme"] * 2
    assert sorted(to for message in mail.outbox for to in message.to) == [who.alice.email, who.dora.email]
    assert f"/connections/{connection.pk}/" in mail.outbox[0].body
    assert tell() == []

    ends_in(connection, days=6)
    assert len(tell()) == 2
    assert tell() == []


def test_whoever_comes_late_is_told_once_not_twice(connection: Connection) -> None:
    ends_in(connection, days=3)
    assert len(tell()) == 2
    assert tell() == []
    assert Notification.objects.count() == 1


def test_a_reconnect_makes_what_was_to_be_said_untrue(connection: Connection) -> None:
    ends_in(connection, days=29)
    consent_expiry.announce()
    notification_emails.distribute()
    reconnect(connection, ALL_SCOPES)

    assert tell() == []
    assert not NotificationReceipt.objects.filter(read_at=None).exists()


def test_the_next_consent_is_told_of_again(connection: Connection) -> None:
    ends_in(connection, days=6)
    tell()
    reconnect(connection, ALL_SCOPES)
    ends_in(connection, days=5)

    assert len(tell()) == 2


def test_a_revoked_connection_is_left_alone(connection: Connection) -> None:
    ends_in(connection, days=6)
    Connection.objects.update(status="revoked", revoked_at=timezone.now())
    assert tell() == []


def test_what_has_been_told_costs_two_questions(who: People, django_assert_num_queries: object) -> None:
    for number in range(12):
        ends_in(connect(who.acme, f"No. {number}"), days=5 if number % 2 else 20)
    assert consent_expiry.announce() == 12
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert consent_expiry.announce() == 0


def test_the_page_says_the_day_always_and_warns_a_month_before(who: People, connection: Connection) -> None:
    alice = signed_in(who.alice)
    ends_in(connection, days=200)
    early = alice.get(connection_page(connection)).content.decode()
    assert "Authorization expires" in early
    assert "requires re-authorization" not in early

    ends_in(connection, days=20)
    late = alice.get(connection_page(connection)).content.decode()
    assert "requires re-authorization" in late
    assert f"?connection={connection.pk}" in late
