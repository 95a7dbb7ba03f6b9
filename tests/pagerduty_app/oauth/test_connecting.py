"""Every way a connect attempt can end, against the running sandbox."""

import uuid
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django.urls import reverse

from connections.connecting.revoke import revoke
from connections.connecting.start import Purpose
from connections.models import AuditEvent, Connection, Grant, Membership
from core import request_slots
from core.crypto import reveal
from pagerduty_app.oauth.scopes import SCOPES
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.support.consent import Dance, consented, decide

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(who: People, sandbox: Sandbox) -> Dance:
    return Dance(who.alice)


def only_connection() -> Connection:
    return Connection.objects.get()


def untouched(connection: Connection, status: str = "pending") -> bool:
    connection.refresh_from_db()
    return connection.status == status


def test_the_way_out_asks_for_the_six_scopes_with_pkce_and_state(alice: Dance, who: People) -> None:
    query = parse_qs(urlsplit(alice.start(who.acme)).query)

    assert query["scope"][0].split() == ["openid", *SCOPES]
    assert len(SCOPES) == 6
    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"][0]
    assert query["state"][0]
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/accounts/pagerduty/login/callback/"]


def test_consent_makes_the_connection_active_and_binds_it_to_account_region_and_user(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    connection = alice.connect(who.acme)

    assert connection.status == "active"
    assert (connection.external_account_id, connection.external_account_name) == ("PACME01", "acme")
    assert (connection.external_user_id, connection.region) == ("PUSER00", "us")
    assert connection.authorised_by == who.alice
    assert set(connection.grant.scopes_granted) == {"openid", *SCOPES}
    assert sandbox.tokens.grant_of(reveal(connection.grant, "access_token"))
    audit = AuditEvent.objects.get(connection=connection, action="connection.connected")
    assert audit.actor_label == who.alice.email
    assert audit.detail["account"] == "PACME01"


@pytest.mark.parametrize("optional", [[], ["webhooks", "choices"]], ids=["six", "more"])
def test_what_other_tests_begin_with_is_what_consent_leaves_behind(
    alice: Dance, who: People, sandbox: Sandbox, optional: list[str]
) -> None:
    left = [
        alice.connect(who.acme, "By consent", optional=optional),
        consented(who.alice, who.acme, sandbox, "At once", optional=optional),
    ]

    own = {"id", "label", "connection", "access_token", "refresh_token", "delegation_id"}
    for one, other in zip(*([row, row.grant] for row in left), strict=True):
        for field in one._meta.concrete_fields:
            mine, yours = getattr(one, field.name), getattr(other, field.name)
            if isinstance(mine, datetime):
                assert abs(mine - yours) < timedelta(seconds=10), field.name
            elif field.name not in own:
                assert mine == yours, field.name
    assert left[0].grant.delegation_id != left[1].grant.delegation_id
    told = AuditEvent.objects.order_by("created_at")
    audited = [
        list(told.filter(connection=row).values_list("action", "actor_label", "actor_kind", "ip", "detail"))
        for row in left
    ]
    assert audited[0] == audited[1]
    assert all(sandbox.tokens.grant_of(reveal(row.grant, "access_token")) for row in left)


def test_tokens_are_not_in_the_row_in_the_clear_and_allauth_keeps_nothing(alice: Dance, who: People) -> None:
    grant = alice.connect(who.acme).grant

    assert reveal(grant, "access_token") not in grant.access_token
    assert not SocialAccount.objects.exists()
    assert not SocialToken.objects.exists()


def test_a_code_is_exchanged_within_the_bound_of_threads_that_wait(alice: Dance, who: People) -> None:
    back, again = decide(alice.start(who.acme)), decide(alice.start(who.acme, "Again"))
    with ExitStack() as taken:
        for _ in range(request_slots.MOST_OF_OTHERS):
            assert taken.enter_context(request_slots.thread_slot(uuid.uuid4()))

        answer = alice.come_back(back)

    assert "Too many requests are waiting for a provider" in answer.content.decode()
    assert untouched(Connection.objects.get(label="Acme"))
    assert alice.come_back(again).status_code == 302
    assert Connection.objects.get(label="Again").status == "active"


def test_one_pagerduty_user_can_be_connected_many_times(alice: Dance, who: People) -> None:
    first, second = alice.connect(who.acme, "One"), alice.connect(who.acme, "Two")

    assert first.external_user_id == second.external_user_id
    assert Grant.objects.count() == 2


def test_saying_no_is_a_page_not_an_error(alice: Dance, who: People) -> None:
    answer = alice.come_back(decide(alice.start(who.acme), decision="deny"))

    assert answer.status_code == 200
    assert b"Access was not granted" in answer.content
    assert untouched(only_connection())
    assert not Grant.objects.exists()


def test_fewer_scopes_make_an_active_connection_that_says_what_is_missing(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    sandbox.faults.scopes = ["incidents.read", "services.read"]

    connection = alice.connect(who.acme)

    assert connection.grant.scopes_granted == ["incidents.read", "services.read"]
    page = alice.browser.get(reverse("connections:detail", args=[connection.pk]))
    assert b"incidents.write" in page.content
    missing = AuditEvent.objects.get(action="connection.connected").detail["missing"]
    assert set(missing) == set(SCOPES) - {"incidents.read", "services.read"}


def test_openid_alone_is_nothing_granted(alice: Dance, who: People, sandbox: Sandbox) -> None:
    sandbox.faults.scopes = []

    answer = alice.come_back(decide(alice.start(who.acme)))

    assert b"No permission was granted" in answer.content
    assert untouched(only_connection())
    assert not Grant.objects.exists()


def test_a_reload_of_the_callback_is_expired_and_changes_nothing(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))
    alice.come_back(back)
    generation = Grant.objects.get().generation

    answer = alice.come_back(back)

    assert answer.status_code == 400
    assert b"Sign-in link expired" in answer.content
    assert untouched(only_connection(), "active")
    assert Grant.objects.get().generation == generation


@pytest.mark.parametrize("query", ["", "code=x", "state=unknown&code=x", "error=access_denied", "state=%00"])
def test_a_callback_without_a_state_of_ours_is_expired(alice: Dance, query: str) -> None:
    answer = alice.browser.get(f"{reverse('pagerduty_callback')}?{query}")

    assert answer.status_code == 400
    assert b"Sign-in link expired" in answer.content


def test_the_callback_of_somebody_elses_dance_yields_nothing(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))

    answer = Dance(who.charlie).come_back(back)

    assert answer.status_code == 400
    assert untouched(only_connection())


def test_signed_out_meanwhile_the_callback_yields_nothing(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))
    alice.browser.logout()

    assert alice.come_back(back).status_code == 400
    assert untouched(only_connection())


def test_a_consent_that_was_under_way_during_an_update_is_completed(alice: Dance, who: People) -> None:
    """The session of 0.2.0, word for word: other names would end every consent that people are in."""
    out = alice.start(who.acme)
    state = parse_qs(urlsplit(out).query)["state"][0]
    session = alice.browser.session
    (kept, at, provider) = session["socialaccount_states"][state]
    data = {
        "connection": str(only_connection().pk),
        "user": who.alice.pk,
        "allow_account_change": False,
        "link": None,
        "oauth_app": None,
        "optional": [],
    }
    assert kept == {"process": "redirect", "data": data, "pkce_code_verifier": kept["pkce_code_verifier"]}
    assert provider == "pagerduty"
    session["socialaccount_states"] = {state: (kept | {"data": data}, at, provider)}
    session.save()

    assert alice.come_back(decide(out)).status_code == 302
    assert untouched(only_connection(), "active")


@pytest.mark.parametrize(("left_by_0_2", "optional"), [(True, ("webhooks",)), (False, ())])
def test_a_consent_that_began_before_the_update_keeps_what_was_asked(
    left_by_0_2: bool, optional: tuple[str, ...]
) -> None:
    state = {"data": {"connection": "c", "user": 1, "optional_scopes": left_by_0_2}}

    assert Purpose.read(state) == Purpose(connection="c", user=1, optional=optional)


def test_another_person_in_the_same_browser_cannot_finish_it(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))
    session = alice.browser.session
    session["_auth_user_id"] = str(who.bob.pk)
    session["_auth_user_hash"] = who.bob.get_session_auth_hash()
    session.save()

    answer = alice.come_back(back)

    assert answer.status_code == 403
    assert untouched(only_connection())


def test_who_left_the_agency_meanwhile_cannot_finish_it(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))
    Membership.objects.filter(user=who.alice).delete()

    answer = alice.come_back(back)

    assert answer.status_code == 403
    assert untouched(only_connection())


def test_a_connection_revoked_meanwhile_stays_revoked(alice: Dance, who: People) -> None:
    back = decide(alice.start(who.acme))
    revoke(actor=SYSTEM, connection=only_connection())

    answer = alice.come_back(back)

    assert answer.status_code == 409
    assert untouched(only_connection(), "revoked")
    assert not Grant.objects.filter(access_token__isnull=False).exists()


def test_an_account_in_the_eu_is_asked_at_its_own_host(alice: Dance, who: People, sandbox: Sandbox) -> None:
    connection = alice.connect(who.acme, user="PUSER20")

    assert (connection.region, connection.external_account_name) == ("eu", "umbrella-eu")
    alice.browser.post(reverse("connections:check", args=[connection.pk]))
    assert sandbox.requests[-1]["path"].startswith("/eu/")
    assert sandbox.requests[-1]["status"] == 200


def test_classic_oauth_asks_for_write_which_covers_all_six(alice: Dance, who: People, settings: Any) -> None:
    settings.PAGERDUTY_OAUTH_MODE = "classic"

    url = alice.start(who.acme)
    alice.come_back(decide(url))

    assert parse_qs(urlsplit(url).query)["scope"] == ["openid write"]
    assert only_connection().status == "active"
    assert AuditEvent.objects.get(action="connection.connected").detail["missing"] == []


def test_reconnecting_keeps_the_connection_and_takes_the_new_tokens(alice: Dance, who: People) -> None:
    connection = alice.connect(who.acme)
    before, generation = reveal(connection.grant, "access_token"), connection.grant.generation
    Connection.objects.update(status="error", status_reason="over")

    answer = alice.come_back(decide(alice.start_again(connection)))

    assert answer.status_code == 302
    assert untouched(connection, "active")
    assert connection.status_reason == ""
    grant = Grant.objects.get()
    assert grant.generation == generation + 1
    assert reveal(grant, "access_token") != before
    assert AuditEvent.objects.filter(action="connection.reconnected").count() == 1


def test_reconnecting_with_another_account_needs_a_confirmation(alice: Dance, who: People) -> None:
    connection = alice.connect(who.acme)

    answer = alice.come_back(decide(alice.start_again(connection), user="PUSER10"))

    assert answer.status_code == 409
    assert b"different PagerDuty account" in answer.content
    connection.refresh_from_db()
    assert connection.external_account_id == "PACME01"

    alice.come_back(decide(alice.start_again(connection, another_account="confirmed"), user="PUSER10"))
    connection.refresh_from_db()
    assert connection.external_account_id == "PGLOBEX"


def test_a_revoked_connection_is_not_brought_back(alice: Dance, who: People) -> None:
    connection = alice.connect(who.acme)
    revoke(actor=SYSTEM, connection=connection)

    answer = alice.browser.post(reverse("connections:reconnect", args=[connection.pk]))

    assert answer["Location"] == reverse("connections:detail", args=[connection.pk])
    assert untouched(connection, "revoked")


def test_the_same_form_again_goes_on_with_the_attempt_that_was_left(alice: Dance, who: People) -> None:
    alice.start(who.acme)
    alice.start(who.acme)

    assert Connection.objects.count() == 1


def test_pagerduty_is_no_way_to_sign_in(client: Client, db: None) -> None:
    for method in (client.get, client.post):
        assert method("/accounts/pagerduty/login/").status_code == 404


def test_connecting_for_a_foreign_workspace_is_refused(alice: Dance, who: People) -> None:
    form = {"provider": "pagerduty", "label": "Mine", "workspace": str(who.other.pk)}

    answer = alice.browser.post(reverse("connections:connect"), form)

    assert answer.status_code == 400
    assert not Connection.objects.exists()


def test_a_sandbox_with_a_new_signing_key_is_believed_at_once(sandbox: Sandbox, who: People) -> None:
    """The keys of the one before are still remembered."""
    Dance(who.alice).connect(who.acme, "Before")
    sandbox.reset()

    assert Dance(who.alice).connect(who.acme, "After").status == "active"
