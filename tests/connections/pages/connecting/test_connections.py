"""Connections in the browser, and the pages around it; connecting itself: tests/pagerduty_app."""

import re
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import Account, AuditEvent, Connection, Grant, Membership, User, Workspace
from tests.factories import ALL_SCOPES, People, connect
from tests.support.browser import BACKEND, CONNECTIONS, connection_page, signed_in


def test_signed_out_every_page_leads_to_the_sign_in(client: Client, connection: Connection) -> None:
    for path in (
        "/",
        CONNECTIONS,
        reverse("connections:connect"),
        *(connection_page(connection, name) for name in ("detail", "revoke", "check", "reconnect")),
    ):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("name", ["detail", "revoke", "check", "reconnect"])
def test_a_foreign_connection_is_not_there(who: People, connection: Connection, name: str) -> None:
    charlie = signed_in(who.charlie)
    ask = charlie.get if name == "detail" else charlie.post

    foreign = ask(connection_page(connection, name))

    assert foreign.status_code == 404
    connection.refresh_from_db()
    assert connection.status == "active"
    assert connection.label not in charlie.get(CONNECTIONS).content.decode()


def test_a_member_of_the_agency_sees_it(who: People, connection: Connection) -> None:
    bob = signed_in(who.bob)

    assert connection.label in bob.get(CONNECTIONS).content.decode()
    assert bob.get(connection_page(connection)).status_code == 200


def test_the_empty_list_says_what_to_do(alice: Client) -> None:
    page = alice.get(CONNECTIONS).content.decode()

    assert "Connect your first PagerDuty account" in page
    assert "authorizes TaskJuice to access a client’s PagerDuty account" in page
    assert reverse("connections:connect") in page


def test_a_broken_connection_is_a_red_banner(alice: Client, connection: Connection) -> None:
    Connection.objects.update(status="error")

    assert "Reconnection needed" in alice.get(CONNECTIONS).content.decode()
    assert "rejected our credentials" in alice.get(connection_page(connection)).content.decode()


def test_no_page_shows_a_token_or_runs_inline_script(alice: Client, connection: Connection) -> None:
    grant = Grant.objects.get()
    for path in (
        CONNECTIONS,
        connection_page(connection),
        connection_page(connection, "revoke"),
        reverse("connections:connect"),
    ):
        answer = alice.get(path)
        page = answer.content.decode()
        for secret in (f"access-{connection.pk}", f"refresh-{connection.pk}", grant.access_token):
            assert str(secret) not in page
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert project_settings.PAGERDUTY_IDENTITY_URL in policy


def test_times_are_exact_and_machine_readable(alice: Client, connection: Connection) -> None:
    assert re.search(
        r'<time datetime="\d{4}-\d\d-\d\dT[^"]+"', alice.get(connection_page(connection)).content.decode()
    )


def test_what_was_not_granted_is_said(alice: Client, who: People) -> None:
    some = connect(who.acme, "Some", scopes=["incidents.read"])

    page = alice.get(connection_page(some)).content.decode()

    assert "granted only some permissions" in page
    assert page.count("– not granted") == len(ALL_SCOPES) - 1


def test_revoking_asks_first_and_gives_a_receipt(
    alice: Client, who: People, connection: Connection, http: responses.RequestsMock
) -> None:
    question = alice.get(connection_page(connection, "revoke")).content.decode()
    assert "can’t be undone" in question
    connection.refresh_from_db()
    assert connection.status == "active"

    typed_wrong = alice.post(connection_page(connection, "revoke"), {"label": "Another"})
    assert typed_wrong.status_code == 400
    connection.refresh_from_db()
    assert connection.status == "active"

    receipt = alice.post(
        connection_page(connection, "revoke"), {"label": "acme"}, follow=True
    ).content.decode()

    assert "Deleted" in receipt
    assert who.alice.email in receipt
    assert "App Registrations" in receipt
    connection.refresh_from_db()
    assert connection.status == "revoked"
    audit = AuditEvent.objects.get(action="connection.revoked")
    assert (audit.actor_kind, audit.ip) == ("user", "127.0.0.1")
    assert audit.request_id


@pytest.mark.parametrize("name", ["check", "reconnect", "revoke", "connect"])
def test_every_change_needs_the_csrf_token(who: People, connection: Connection, name: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(who.alice, backend=BACKEND)
    path = reverse("connections:connect") if name == "connect" else connection_page(connection, name)

    assert browser.post(path).status_code == 403


@pytest.mark.parametrize("name", ["check", "reconnect"])
def test_no_change_happens_by_a_get(alice: Client, connection: Connection, name: str) -> None:
    assert alice.get(connection_page(connection, name)).status_code == 405


def test_checking_says_what_was_found(
    alice: Client, connection: Connection, http: responses.RequestsMock
) -> None:
    http.get(f"{project_settings.PAGERDUTY_API_URL}/users", json={"users": []})

    page = alice.post(connection_page(connection, "check"), follow=True).content.decode()

    assert "Connection works." in page


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 121}, "label"),
        ({"label": "nul\x00"}, "label"),
        ({"label": "Acme"}, "label"),
        ({"provider": "other"}, "provider"),
        ({"workspace": "x"}, "workspace"),
        ({"workspace": ""}, "workspace"),
    ],
    ids=range(7),
)
def test_a_form_that_is_wrong_names_the_field_and_keeps_what_was_typed(
    alice: Client, who: People, connection: Connection, form: dict[str, Any], field: str
) -> None:
    typed = {"provider": "pagerduty", "label": "New", "workspace": str(who.acme.pk)} | form

    answer = alice.post(reverse("connections:connect"), typed)

    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("path", [CONNECTIONS, "detail"])
def test_a_page_takes_as_many_queries_for_many_rows_as_for_one(
    alice: Client, who: People, connection: Connection, path: str
) -> None:
    url = connection_page(connection) if path == "detail" else path
    alice.get(url)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(url).status_code == 200
        return len(seen)

    before = queries()
    for number in range(12):
        connect(who.acme, f"Number {number}")
        Connection.objects.filter(label=f"Number {number}").update(status="error")
        AuditEvent.objects.create(
            account=who.agency, connection=connection, actor_kind="system", actor_label="x", action="x"
        )
    assert queries() == before


def test_lists_are_paged(alice: Client, who: People) -> None:
    now = timezone.now()
    Connection.objects.bulk_create(
        Connection(
            workspace=who.acme,
            provider="pagerduty",
            label=f"L{number}",
            created_at=now + timedelta(seconds=number),
        )
        for number in range(120)
    )

    first, last = alice.get(CONNECTIONS).content.decode(), alice.get(f"{CONNECTIONS}?page=3").content.decode()

    assert "L119" in first
    assert "L0<" in last
    assert first.count("<tr>") == 51
    assert (
        alice.get(f"{CONNECTIONS}?page=x").status_code
        == alice.get(f"{CONNECTIONS}?page=999").status_code
        == 200
    )


# --- people ------------------------------------------------------------------------------------------------
def test_signing_up_makes_an_agency_with_a_workspace_and_an_owner(client: Client, db: None) -> None:
    form = {
        "email": "Dora@Studio.example",
        "agency": "Studio Twelve",
        "password1": "quite a long phrase",
        "password2": "quite a long phrase",
    }

    answer = client.post("/accounts/signup/", form)

    assert answer.status_code == 302
    member = Membership.objects.get()
    assert (member.user.email, member.role) == ("dora@studio.example", "owner")
    assert Workspace.objects.get().account == Account.objects.get()
    assert Account.objects.get().name == "Studio Twelve"


def test_signing_up_with_a_known_address_does_not_say_so(client: Client, who: People, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    form = {"email": who.alice.email, "password1": "quite a long phrase", "password2": "quite a long phrase"}

    answer = client.post("/accounts/signup/", form)

    assert answer.status_code == 302
    assert User.objects.count() == 4
    assert Account.objects.count() == 2


def test_allauths_own_page_of_third_party_accounts_is_not_there(alice: Client) -> None:
    assert alice.get("/accounts/3rdparty/").status_code == 404


def test_a_label_is_one_line(alice: Client, who: People) -> None:
    form = {"provider": "pagerduty", "label": "one\nBcc: x@evil.example", "workspace": str(who.acme.pk)}

    assert alice.post(reverse("connections:connect"), form).status_code == 400
