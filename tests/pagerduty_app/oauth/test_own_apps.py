"""A client's own scoped app: entered for a workspace, and used for its consents, renewals and revocations alone."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.grants import oauth_apps, registry, tokens
from connections.models import AuditEvent, Connection, Grant, NotificationFact, OAuthApp, Workspace
from core.crypto import reveal
from pagerduty_app.oauth.scopes import SCOPES
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.support import notified
from tests.support.browser import connection_page, signed_in
from tests.support.consent import Dance, decide
from workflows.worker import starting

pytestmark = pytest.mark.django_db
OWN, SECRET = "acmes-own-app", "acmes-own-secret"


@pytest.fixture
def alice(who: People, sandbox: Sandbox) -> Dance:
    return Dance(who.alice)


@pytest.fixture(autouse=True)
def _registered(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the client had made it in PagerDuty."""
    monkeypatch.setitem(sandbox.clients, OWN, SECRET)


def page(workspace: Workspace, name: str = "own_app") -> str:
    return reverse(f"connections:{name}", args=[workspace.pk])


def enter(browser: Client, workspace: Workspace, client_id: str = OWN, secret: str = SECRET) -> int:
    return browser.post(page(workspace), {"client_id": client_id, "client_secret": secret}).status_code


def client_of(consent_page: str) -> str:
    return parse_qs(urlsplit(consent_page).query)["client_id"][0]


def expire(connection: Connection) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Grant.objects.filter(connection=connection).update(expires_at=past, next_refresh_at=past)


def test_from_entering_it_to_renewing_and_revoking_through_it(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    assert enter(alice.browser, who.acme) == 302
    assert client_of(alice.start(who.acme)) == OWN

    connection = alice.connect(who.acme)
    expire(connection)
    token = tokens.access_token(connection)

    assert connection.status == "active"
    behind = sandbox.tokens.grant_of(token)
    assert behind is not None
    assert behind["client"] == OWN
    shown = alice.browser.get(connection_page(connection)).content.decode()
    assert OWN in shown
    alice.browser.post(connection_page(connection, "revoke"), {"label": "Acme"})
    assert Grant.objects.get().access_token is None
    assert AuditEvent.objects.get(action="connection.revoked_at_provider")


def test_it_asks_for_the_six_scopes_also_where_the_server_is_set_up_with_a_classic_app(
    alice: Dance, who: People, settings: Any
) -> None:
    settings.PAGERDUTY_OAUTH_MODE = "classic"
    enter(alice.browser, who.acme)

    query = parse_qs(urlsplit(alice.start(who.acme)).query)

    assert query["scope"][0].split() == ["openid", *SCOPES]
    assert alice.connect(who.acme).grant.scopes_asked == ["openid", *SCOPES]


def test_other_workspaces_go_on_with_the_app_of_the_server(alice: Dance, who: People, settings: Any) -> None:
    second = Workspace.objects.create(account=who.agency, name="Initech")
    enter(alice.browser, who.acme)

    assert client_of(alice.start(second)) == settings.PAGERDUTY_CLIENT_ID
    assert alice.connect(second, "Initech").grant.oauth_app is None


def test_whoever_connected_before_is_renewed_through_the_app_they_came_by(alice: Dance, who: People) -> None:
    before = alice.connect(who.acme, "Before")
    enter(alice.browser, who.acme)
    through = alice.connect(who.acme, "Through")
    alice.browser.post(page(who.acme, "own_app_stop"))

    for connection in (before, through):
        expire(connection)
        assert tokens.access_token(connection)
    assert client_of(alice.start(who.acme, "After")) != OWN


def test_a_reconnect_moves_a_connection_to_the_app_in_use(alice: Dance, who: People) -> None:
    connection = alice.connect(who.acme)
    enter(alice.browser, who.acme)

    alice.come_back(decide(alice.start_again(connection)))

    assert Grant.objects.get().oauth_app == OAuthApp.objects.get()


def test_an_app_that_changes_between_out_and_back_does_not_spoil_the_consent(
    alice: Dance, who: People
) -> None:
    enter(alice.browser, who.acme)
    back = decide(alice.start(who.acme))
    alice.browser.post(page(who.acme, "own_app_stop"))

    alice.come_back(back)

    connection = Connection.objects.get()
    assert connection.status == "active"
    expire(connection)
    assert tokens.access_token(connection)


def test_a_new_secret_serves_what_is_connected(alice: Dance, who: People, sandbox: Sandbox) -> None:
    enter(alice.browser, who.acme)
    connection = alice.connect(who.acme)
    sandbox.clients[OWN] = "a-newer-secret"
    enter(alice.browser, who.acme, secret="a-newer-secret")

    expire(connection)

    assert tokens.access_token(connection)
    assert OAuthApp.objects.count() == 1


def test_a_wrong_secret_ends_on_a_page_and_leaves_nothing_half_made(alice: Dance, who: People) -> None:
    enter(alice.browser, who.acme, secret="mistyped")

    answer = alice.come_back(decide(alice.start(who.acme)))

    assert answer.status_code == 502
    assert Connection.objects.get().status == "pending"
    assert not Grant.objects.exists()


def test_a_secret_that_cannot_be_read_ends_on_a_page(alice: Dance, who: People) -> None:
    enter(alice.browser, who.acme)
    back = decide(alice.start(who.acme))
    OAuthApp.objects.update(client_secret="v1.other.key")

    out = alice.browser.post(connection_page(Connection.objects.get(), "reconnect"))

    assert out.status_code == 502
    assert alice.come_back(back).status_code == 502
    assert Connection.objects.get().status == "pending"


def test_the_secret_is_encrypted_and_shown_nowhere(alice: Dance, who: People) -> None:
    enter(alice.browser, who.acme)

    row = OAuthApp.objects.get()
    assert SECRET not in str(vars(row))
    assert reveal(row, "client_secret") == SECRET
    assert SECRET not in repr(oauth_apps.credentials(registry.get("pagerduty"), row))
    assert SECRET not in alice.browser.get(page(who.acme)).content.decode()
    wrong = alice.browser.post(page(who.acme), {"client_id": "", "client_secret": SECRET})
    assert wrong.status_code == 400
    assert SECRET not in wrong.content.decode()
    audited = AuditEvent.objects.get(action="oauth_app.stored")
    assert SECRET not in str(audited.detail)
    assert audited.detail["client_id"] == OWN


@pytest.mark.parametrize(
    ("client_id", "secret"), [("", "s"), ("a", ""), ("a b", "s"), ("é", "s"), ("a", "s\ns")]
)
def test_what_cannot_be_one_is_refused(alice: Dance, who: People, client_id: str, secret: str) -> None:
    assert enter(alice.browser, who.acme, client_id, secret) == 400
    assert not OAuthApp.objects.exists()


def test_members_and_strangers_do_not_get_at_it(who: People, sandbox: Sandbox) -> None:
    for person, status in ((who.bob, 403), (who.charlie, 404)):
        browser = signed_in(person)
        assert browser.get(page(who.acme)).status_code == status
        assert enter(browser, who.acme) == status
        assert browser.post(page(who.acme, "own_app_stop")).status_code == status
    assert not OAuthApp.objects.exists()


def test_the_database_keeps_one_in_use(who: People) -> None:
    for client_id in ("first", "second", "first"):
        oauth_apps.store(
            actor=SYSTEM, workspace=who.acme, provider="pagerduty", client_id=client_id, client_secret="s"
        )
    in_use = oauth_apps.in_use(who.acme, "pagerduty")
    assert in_use is not None
    assert in_use.client_id == "first"
    assert OAuthApp.objects.count() == 2


def test_an_app_that_is_refused_is_told_of_once_and_tried_on(
    alice: Dance, who: People, sandbox: Sandbox, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(alice.browser, who.acme)
    connection = alice.connect(who.acme)
    monkeypatch.setitem(sandbox.clients, OWN, "a-secret-made-anew-in-pagerduty")
    sent: list[Any] = []
    notified.tell()
    for _ in range(6):
        expire(connection)
        starting.begin_refreshes()
        sent += notified.tell()

    connection.refresh_from_db()
    assert connection.status == "active"
    mail, _ = sent
    assert mail.subject == "PagerDuty rejects the app of Acme"
    assert connection_page(connection) in mail.body
    assert sorted(to for message in sent for to in message.to) == ["alice@alice.example", "dora@dora.example"]

    enter(alice.browser, who.acme, secret="a-secret-made-anew-in-pagerduty")
    expire(connection)
    starting.begin_refreshes()
    assert Grant.objects.get().failures == 0


def test_an_app_that_was_accepted_again_meanwhile_is_not_told_of(
    alice: Dance, who: People, sandbox: Sandbox, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(alice.browser, who.acme)
    connection = alice.connect(who.acme)
    with monkeypatch.context() as patch:
        patch.setitem(sandbox.clients, OWN, "another")
        for _ in range(3):
            expire(connection)
            starting.begin_refreshes()
    expire(connection)
    starting.begin_refreshes()

    assert notified.tell() == []


def test_the_servers_own_app_is_not_the_agencys_to_put_right(
    alice: Dance, who: People, sandbox: Sandbox, settings: Any
) -> None:
    connection = alice.connect(who.acme)
    settings.PAGERDUTY_CLIENT_SECRET = "wrong"
    for _ in range(4):
        expire(connection)
        starting.begin_refreshes()
    assert not NotificationFact.objects.exists()
