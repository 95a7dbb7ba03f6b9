"""Support revokes connections and keys: asked first, bounded, on record."""

import pytest
import responses
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from connections.accounts import api_keys
from connections.admin.shared import acting
from connections.models import Account, AuditEvent, Connection, Grant, User
from tests.connections.admin.staff import ACCOUNTS, CONNECTIONS, KEYS, act, page_of
from tests.factories import SYSTEM, People, connect
from tests.support.browser import signed_in


# --- revoking ------------------------------------------------------------------------------------------------
def test_revoking_asks_first_and_is_on_record_as_support(
    support: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    question = act(support, CONNECTIONS, "revoke_selected", connection)
    assert "can’t be undone" in question
    assert f"{connection} (Acme, Agency)" in question
    connection.refresh_from_db()
    assert connection.status == "active"

    answer = act(support, CONNECTIONS, "revoke_selected", connection, confirmed="yes")

    assert "1 revoked." in answer
    connection.refresh_from_db()
    assert connection.status == "revoked"
    assert Grant.objects.get().access_token is None
    event = AuditEvent.objects.get(action="connection.revoked")
    assert (event.actor_kind, event.actor_label, event.ip) == (
        "support",
        "sam@taskjuice.example",
        "127.0.0.1",
    )
    assert event.user == User.objects.get(email="sam@taskjuice.example")
    assert event.request_id


def test_the_button_on_a_connections_page_leads_through_the_question_back_to_it(
    support: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    assert 'value="revoke_selected"' in support.get(page_of(connection)).content.decode()

    question = act(support, CONNECTIONS, "revoke_selected", connection, index="0", from_row="1")
    assert 'name="from_row"' in question
    form = {"action": "revoke_selected", "_selected_action": str(connection.pk)}
    answer = support.post(CONNECTIONS, form | {"confirmed": "yes", "from_row": "1"})

    assert answer["Location"] == page_of(connection)


def test_revoking_says_what_it_left_alone(
    support: Client, connection: Connection, who: People, http: responses.RequestsMock
) -> None:
    gone = connect(who.acme, "Gone")
    Connection.objects.filter(pk=gone.pk).update(status="revoked", revoked_at=timezone.now())

    question = act(support, CONNECTIONS, "revoke_selected", connection, gone)
    answer = act(support, CONNECTIONS, "revoke_selected", connection, gone, confirmed="yes")

    assert "Gone (" not in question
    assert "1 revoked." in answer
    assert "1 skipped: already revoked." in answer
    assert "None of the selected items can be changed" in act(support, CONNECTIONS, "revoke_selected", gone)


def test_all_of_an_account_is_counted_first_and_nothing_else_is_touched(
    support: Client, connection: Connection, who: People, http: responses.RequestsMock
) -> None:
    broken, elsewhere = connect(who.acme, "Broken"), connect(who.other, "Elsewhere")
    Connection.objects.filter(pk=broken.pk).update(status="error")

    question = act(support, ACCOUNTS, "revoke_everything", who.agency)
    assert "Revoke all connections of Agency?" in question
    assert "1 active" in question
    assert "1 reconnection needed" in question
    assert "2 total" in question
    assert not Connection.objects.filter(status="revoked").exists()

    answer = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "2 revoked." in answer
    assert set(Connection.objects.filter(status="revoked")) == {connection, broken}
    assert Grant.objects.get(connection=elsewhere).access_token is not None


def test_only_one_account_at_a_time_is_emptied(support: Client, connection: Connection, who: People) -> None:
    answer = act(support, ACCOUNTS, "revoke_everything", *Account.objects.all(), confirmed="yes")

    assert "Select one account" in answer
    connection.refresh_from_db()
    assert connection.status == "active"


def test_one_go_is_bounded_and_says_that_there_is_more(
    support: Client, who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "MOST_ROWS", 2)
    for number in range(3):
        connect(who.acme, f"Number {number}")

    first = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")
    second = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "2 revoked." in first
    assert "again for the rest" in first
    assert "1 revoked." in second
    assert "again for the rest" not in second


def test_a_go_that_takes_long_stops_and_says_so(
    support: Client, who: People, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "_SECONDS", -1.0)
    for number in range(3):
        connect(who.acme, f"Number {number}")

    answer = act(support, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    assert "1 revoked." in answer
    assert "again for the rest" in answer


def test_a_key_is_revoked_and_on_record(support: Client, who: People) -> None:
    key, whole = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Reporting", scopes=[])

    assert "rejected from now on" in act(support, KEYS, "revoke_keys", key)
    answer = act(support, KEYS, "revoke_keys", key, confirmed="yes")

    assert "1 revoked." in answer
    assert api_keys.find(whole) is None
    assert AuditEvent.objects.get(action="api_key.revoked").actor_kind == "support"


def test_who_may_only_look_is_offered_no_action(who: People, connection: Connection) -> None:
    who.bob.is_staff = True
    who.bob.save()
    seen = ["view_connection", "view_account", "view_apikey", "see_every_account"]
    who.bob.user_permissions.set(Permission.objects.filter(codename__in=seen))
    bob = signed_in(who.bob)

    assert "revoke_selected" not in bob.get(page_of(connection)).content.decode()
    act(bob, CONNECTIONS, "revoke_selected", connection, confirmed="yes")
    act(bob, ACCOUNTS, "revoke_everything", who.agency, confirmed="yes")

    connection.refresh_from_db()
    assert connection.status == "active"


def test_an_id_that_is_none_changes_nothing(support: Client, connection: Connection) -> None:
    form = {"action": "revoke_selected", "_selected_action": "x", "confirmed": "yes"}

    assert support.post(CONNECTIONS, form).status_code == 302
    connection.refresh_from_db()
    assert connection.status == "active"
