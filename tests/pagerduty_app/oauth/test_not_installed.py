"""A public scoped app that is not installed in an account: recognized, explained, and connected once it is."""

from typing import Any

import pytest
import requests
from django.test import Client
from django.urls import reverse

from connections.connecting import client_links
from connections.grants import oauth_apps
from connections.models import ClientLink, Connection, Grant
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.support.browser import text
from tests.support.consent import Dance, decide

pytestmark = pytest.mark.django_db
ADDRESS = "https://app.pagerduty.com/oauth_apps/PAPP1"
TITLE = "The app is not installed in this PagerDuty account"


@pytest.fixture
def alice(who: People, sandbox: Sandbox, settings: Any) -> Dance:
    settings.PAGERDUTY_APP_ID = "PAPP1"
    installed(sandbox, "no")
    return Dance(who.alice)


def installed(sandbox: Sandbox, choice: str) -> None:
    """Install the app in the account acme, or remove it, on PagerDuty's page."""
    form = {"account": "acme", "installed": choice}
    assert requests.post(f"{sandbox.base_url}/oauth_apps/PAPP1", data=form, timeout=5).status_code == 200


def test_the_page_says_where_to_install_it_and_trying_again_connects(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    page = text(alice.come_back(decide(alice.start(who.acme))))

    assert TITLE in page
    assert f"An admin of the PagerDuty account acme opens {ADDRESS} and installs the app" in page
    connection = Connection.objects.get()
    assert (connection.status, Grant.objects.exists()) == ("pending", False)

    installed(sandbox, "yes")
    alice.come_back(decide(alice.start_again(connection)))
    connection.refresh_from_db()
    assert connection.status == "active"


def test_another_account_that_has_the_app_connects(alice: Dance, who: People) -> None:
    assert alice.connect(who.acme, user="PUSER10").status == "active"


def test_a_client_sees_the_same_and_so_does_the_agency(alice: Dance, who: People) -> None:
    link = client_links.send(
        actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="Asked", email="",
        expected_account="",
    )  # fmt: skip
    client, url = Client(), link.url
    assert url
    before = client.get(url.replace("http://127.0.0.1:8000", ""), follow=True).content.decode()
    assert ADDRESS in before

    out = client.post(reverse("connections:client_agree"), {"link": str(link.pk)})
    back = decide(out["Location"])
    page = text(client.get(back.partition("8000")[2] or back))

    assert TITLE in page
    assert ADDRESS in page
    assert "Back to the request" in page
    assert ClientLink.objects.get().ending == "not_installed"
    seen = text(alice.browser.get(reverse("connections:detail", args=[link.connection_id])))
    assert "the app is not installed in that account" in seen


@pytest.mark.parametrize("why", ["no public app", "own app", "other scopes"])
def test_anything_else_stays_nothing_granted(
    alice: Dance, who: People, sandbox: Sandbox, settings: Any, why: str
) -> None:
    if why == "no public app":
        settings.PAGERDUTY_APP_ID = ""
    if why == "own app":
        sandbox.clients["own"] = "s"
        oauth_apps.store(
            actor=SYSTEM, workspace=who.acme, provider="pagerduty", client_id="own", client_secret="s"
        )
    if why == "other scopes":
        installed(sandbox, "yes")
        sandbox.faults.scopes = ["openid", "webhook_subscriptions.read"]

    page = text(alice.come_back(decide(alice.start(who.acme, optional_webhooks="on"))))

    assert "No permission was granted" in page
    assert TITLE not in page


def test_a_classic_app_needs_no_installation(alice: Dance, who: People, settings: Any) -> None:
    settings.PAGERDUTY_OAUTH_MODE = "classic"

    assert alice.connect(who.acme).status == "active"
