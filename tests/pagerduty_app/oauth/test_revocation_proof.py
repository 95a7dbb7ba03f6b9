"""The proof of a revocation: whether PagerDuty still holds the grant, asked when and with what can be asked."""

from contextlib import nullcontext
from typing import Any

import pytest
import requests
from django.test import Client
from django.urls import reverse

from connections.connecting import holding
from connections.connecting.revoke import receipt_of, revoke
from connections.models import Connection, Grant
from core.request_slots import busy
from pagerduty_app.provider import grant_page
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.support.browser import signed_in, text
from tests.support.consent import consented

pytestmark = pytest.mark.django_db
PATH = "/oauth_delegations/"


@pytest.fixture
def connection(who: People, sandbox: Sandbox) -> Connection:
    return consented(who.alice, who.acme, sandbox, optional=["revocation"])


@pytest.fixture
def alice(who: People) -> Client:
    return signed_in(who.alice)


def receipt(alice: Client, connection: Connection) -> str:
    return text(alice.get(reverse("connections:receipt", args=[connection.pk])))


def revoked(connection: Connection) -> dict[str, Any]:
    return revoke(actor=SYSTEM, connection=connection)


def remove_in_pagerduty(sandbox: Sandbox, connection: Connection) -> None:
    """Remove the app as the person does, on the page that the receipt links to."""
    grant = Grant.objects.get(connection=connection).delegation_id
    page = receipt_of(connection)["removal_url"]
    assert grant in requests.get(page, timeout=5).text
    requests.post(page, data={"grant": grant}, timeout=5)
    assert grant not in requests.get(page, timeout=5).text


def test_the_receipt_says_that_pagerduty_still_holds_the_grant_and_links_to_it(
    alice: Client, connection: Connection, sandbox: Sandbox
) -> None:
    answer = revoked(connection)

    assert (answer["holding"], answer["removal_url"]) == ("held", f"{sandbox.base_url}/app/users/PUSER00")
    page = receipt(alice, connection)
    assert "PagerDuty still held the authorization when asked" in page
    assert "Open in PagerDuty" in page
    assert "only through another connection to the same account" in page
    assert Grant.objects.get(connection=connection).access_token is None


def test_it_is_asked_after_the_tokens_are_deleted(
    connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Any] = []
    asked = holding._asked

    def noted(*args: Any) -> Any:
        order.append(Grant.objects.get(connection=connection).access_token)
        return asked(*args)

    monkeypatch.setattr(holding, "_asked", noted)
    revoked(connection)
    assert order == [None]


def test_another_connection_to_the_account_proves_it_once_the_person_has_removed_it(
    alice: Client, who: People, connection: Connection, sandbox: Sandbox
) -> None:
    consented(who.alice, who.acme, sandbox, "Second", optional=["revocation"])
    revoked(connection)
    check = reverse("connections:check_revocation", args=[connection.pk])

    assert "Check again through Second" in receipt(alice, connection)
    alice.post(check)
    assert "still held the authorization" in receipt(alice, connection)

    remove_in_pagerduty(sandbox, connection)
    alice.post(check)
    page = receipt(alice, connection)
    assert "PagerDuty no longer holds the authorization" in page
    assert "through Second" in page
    assert "Check again" not in page


def test_what_is_wrong_with_the_other_connection_says_nothing_of_the_revoked_one(
    alice: Client, who: People, connection: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    consented(who.alice, who.acme, sandbox, "Second", optional=["revocation"])
    revoked(connection)
    check = reverse("connections:check_revocation", args=[connection.pk])
    sandbox.faults.add([{"kind": "status", "status": 401, "path": PATH, "times": 5}])

    alice.post(check)
    assert "could not say whether it still holds" in receipt(alice, connection)

    monkeypatch.setattr(holding, "provider_slot", lambda *of: nullcontext(False))
    seen = len(sandbox.requests)
    page = text(alice.post(check, follow=True))
    assert busy().message in page
    assert len(sandbox.requests) == seen


def test_a_connection_that_never_had_a_grant_has_no_proof(alice: Client, who: People) -> None:
    never = Connection.objects.create(workspace=who.acme, provider="pagerduty", label="Never")
    revoked(never)

    answer = alice.post(reverse("connections:check_revocation", args=[never.pk]), follow=True)

    assert "No other connection to this account may ask." in text(answer)


@pytest.mark.parametrize("other", ["workspace", "account", "scopes", "state"])
def test_only_an_active_connection_of_the_workspace_to_the_account_with_the_scope_may_ask(
    alice: Client, who: People, connection: Connection, sandbox: Sandbox, other: str
) -> None:
    person, place = (who.charlie, who.other) if other == "workspace" else (who.alice, who.acme)
    optional = [] if other == "scopes" else ["revocation"]
    second = consented(person, place, sandbox, "Second", optional=optional)
    if other == "account":
        Connection.objects.filter(pk=second.pk).update(external_account_id="PGLOBEX")
    if other == "state":
        Connection.objects.filter(pk=second.pk).update(status="error")
    revoked(connection)

    assert holding.witness(connection) is None
    answer = alice.post(reverse("connections:check_revocation", args=[connection.pk]), follow=True)
    assert "No other connection to this account may ask." in text(answer)


def test_without_the_permission_the_receipt_says_that_it_cannot_know(
    alice: Client, who: People, sandbox: Sandbox
) -> None:
    connection = consented(who.alice, who.acme, sandbox)

    assert revoked(connection)["holding"] == "unasked"
    page = receipt(alice, connection)
    assert "TaskJuice does not know whether PagerDuty still holds the authorization" in page
    assert "oauth_delegations.read was not granted" in page
    assert [row for row in sandbox.requests if PATH in row["path"]] == []


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        ({"status": 500}, "unreachable", "could not say whether it still holds"),
        ({"status": 200, "body": {"id": "x"}}, "unreachable", "could not say whether it still holds"),
        ({"status": 403}, "unreachable", "could not say whether it still holds"),
        ({"status": 401}, "refused", "no longer accepts the tokens"),
        ({"status": 404}, "gone", "no longer holds the authorization"),
        (
            {"status": 200, "body": {"oauth_delegation": {"id": "x", "status": "revoked"}}},
            "gone",
            "no longer holds the authorization",
        ),
    ],
    ids=["500", "no status", "403", "401", "404", "as in the example"],
)
def test_every_answer_has_its_words_and_none_stops_the_revocation(
    alice: Client, connection: Connection, sandbox: Sandbox, fault: dict[str, Any], state: str, words: str
) -> None:
    sandbox.faults.add([{"kind": "status", "method": "GET", "path": PATH, **fault}])

    assert revoked(connection)["holding"] == state
    connection.refresh_from_db()
    assert connection.status == "revoked"
    assert words in receipt(alice, connection)


@pytest.mark.parametrize(
    ("account", "user", "address"),
    [
        ("Acme", "PUSER1", "https://acme.pagerduty.com/users/PUSER1"),
        ("a/b", "PUSER1", ""),
        ("acme", "", ""),
    ],
)
def test_the_page_in_pagerduty_is_the_users(settings: Any, account: str, user: str, address: str) -> None:
    settings.PAGERDUTY_IDENTITY_URL = "https://identity.pagerduty.com"

    assert grant_page(account, user) == address
