"""Consents that PagerDuty refuses with a code, and scopes that a token turns out to lack: who mends it, and how."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse

from connections.connecting import client_links, consent_errors
from connections.grants import oauth_apps
from connections.models import ClientLink, Connection, Grant
from pagerduty_app.oauth import scopes
from pagerduty_app.provider import install_url
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People
from tests.support.browser import text
from tests.support.consent import Dance, decide
from workflows import catalog
from workflows.calls import pipeline
from workflows.formatting import error_hints
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def alice(who: People, sandbox: Sandbox) -> Dance:
    return Dance(who.alice)


def refused(out: str) -> str:
    """Where PagerDuty sends the browser at once."""
    answer = requests.get(out, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    return answer.headers["Location"]


def ending(alice: Dance, who: People, sandbox: Sandbox, error: str, **more: str) -> Any:
    sandbox.faults.consent = {"error": error, **more}
    return alice.come_back(refused(alice.start(who.acme)))


@pytest.mark.parametrize("code", [*consent_errors._MENDERS, "something_of_tomorrow"])
def test_each_code_is_shown_with_what_pagerduty_says_and_who_mends_it(
    alice: Dance, who: People, sandbox: Sandbox, code: str
) -> None:
    page = text(ending(alice, who, sandbox, code, error_description=f"Because of {SCRIPT}"))

    assert "Because of" in page
    assert "returned an unexpected response" not in page
    if code != "access_denied":
        assert code in page
        assert "What to do" in page
    assert Connection.objects.get().status == "pending"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_scope", ["grants it openid , incidents.read", "installs the app at https://app.pagerduty.com/oauth_apps/PAPP1"]),
        ("unauthorized_client", ["installs the app at https://app.pagerduty.com/oauth_apps/PAPP1"]),
        ("server_error", ["try again in a few minutes"]),
        ("login_required", ["signs in to PagerDuty in this browser"]),
    ],
)  # fmt: skip
def test_the_page_says_how(
    alice: Dance, who: People, sandbox: Sandbox, settings: Any, code: str, words: list[str]
) -> None:
    settings.PAGERDUTY_APP_ID = "PAPP1"

    page = text(ending(alice, who, sandbox, code))

    assert all(part in page for part in words)


def test_a_clients_own_app_is_named_as_the_one_to_mend(
    alice: Dance, who: People, sandbox: Sandbox, settings: Any
) -> None:
    settings.PAGERDUTY_APP_ID = "PAPP1"
    sandbox.clients["acme-own"] = "s"
    oauth_apps.store(
        actor=SYSTEM, workspace=who.acme, provider="pagerduty", client_id="acme-own", client_secret="s"
    )

    page = text(ending(alice, who, sandbox, "invalid_scope"))

    assert "The client’s own app acme-own" in page
    assert "oauth_apps/PAPP1" not in page


def test_what_pagerduty_says_is_only_text_and_bounded(alice: Dance, who: People, sandbox: Sandbox) -> None:
    answer = ending(
        alice, who, sandbox, "x" * 500 + SCRIPT, error_description=SCRIPT + "y" * 5000 + "\u202e\x07"
    )
    page = answer.content.decode()

    assert SCRIPT not in page
    assert "y" * 301 not in page
    assert "x" * 61 not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("error", ["", "%00", "%20"])
def test_no_code_at_all_is_no_usable_answer(alice: Dance, who: People, sandbox: Sandbox, error: str) -> None:
    state = parse_qs(urlsplit(alice.start(who.acme)).query)["state"][0]

    answer = alice.browser.get(f"{reverse('pagerduty_callback')}?error={error}&state={state}")

    assert answer.status_code == 502
    assert "returned an unexpected response" in text(answer)


def test_a_refusal_of_the_token_endpoint_is_explained_too(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    back = decide(alice.start(who.acme))
    body = {"error": "invalid_client", "error_description": "No such client"}
    sandbox.faults.add([{"kind": "status", "status": 401, "path": "^/oauth/token$", "body": body}])

    page = text(alice.come_back(back))

    assert "invalid_client" in page
    assert "No such client" in page
    assert "client ID or secret" in page


def test_the_client_is_told_and_the_agency_sees_the_same(
    who: People, sandbox: Sandbox, settings: Any
) -> None:
    settings.PAGERDUTY_APP_ID = "PAPP1"
    link = client_links.send(
        actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="Asked", email="",
        expected_account="",
    )  # fmt: skip
    client, url = Client(), link.url
    assert url
    client.get(url.partition("#")[0].replace("http://127.0.0.1:8000", ""), follow=True)
    sandbox.faults.consent = {"error": "unauthorized_client", "error_description": "Not installed"}

    out = client.post(reverse("connections:client_agree"), {"link": str(link.pk)})
    parts = urlsplit(refused(out["Location"]))
    page = text(client.get(f"{parts.path}?{parts.query}"))

    assert "unauthorized_client" in page
    assert "Not installed" in page
    assert "oauth_apps/PAPP1" in page
    assert who.agency.name in page
    link = ClientLink.objects.get()
    assert (link.ending, link.ending_words) == ("consent_refused", "unauthorized_client: Not installed")
    seen = text(Dance(who.alice).browser.get(reverse("connections:detail", args=[link.connection_id])))
    assert "refused the authorization. It said: unauthorized_client: Not installed." in seen


@pytest.mark.parametrize(
    ("app_id", "mode", "address"),
    [
        ("PAPP1", "scoped", "https://app.pagerduty.com/oauth_apps/PAPP1"),
        ("", "scoped", ""),
        ("PAPP1", "classic", ""),
    ],
)
def test_only_a_public_scoped_app_has_an_address(settings: Any, app_id: str, mode: str, address: str) -> None:
    settings.PAGERDUTY_APP_ID, settings.PAGERDUTY_OAUTH_MODE = app_id, mode

    assert install_url() == address


# --- a token that lacks a scope ----------------------------------------------------------------------------
def lose(sandbox: Sandbox, *scopes: str) -> None:
    """PagerDuty's own record has fewer scopes than were granted."""
    for grant in sandbox.store.all("grant"):
        left = [scope for scope in grant["scopes"] if scope not in scopes]
        sandbox.store.put("grant", grant["id"], {**grant, "scopes": left}, grant["account"])


@pytest.fixture
def tried(alice: Dance, who: People, sandbox: Sandbox) -> Callable[[], tuple[ActionCall, str]]:
    connection = alice.connect(who.acme)
    lose(sandbox, "services.read")

    def go() -> tuple[ActionCall, str]:
        call = pipeline.call_action(
            actor=SYSTEM,
            connection=Connection.objects.get(pk=connection.pk),
            action_key="pagerduty/list-services",
            data={},
            origin="person",
        )
        return call, alice.browser.get(reverse("actions:call", args=[call.pk])).content.decode()

    return go


def test_a_missing_scope_is_named_and_can_be_asked_for(
    tried: Callable[[], tuple[ActionCall, str]], alice: Dance
) -> None:
    call, page = tried()

    assert call.error is not None
    assert (call.error["code"], call.error["detail"]["missing_scopes"]) == (
        "missing_scope",
        ["services.read"],
    )
    assert "Missing: services.read (View services" in page
    assert "have somebody else reconnect" not in page.lower()
    form = re.search(r'<form method="post" action="([^"]+/reconnect/)">(.*?)</form>', page, re.DOTALL)
    assert form
    assert "Reconnect with these permissions" in form[2]
    asked = parse_qs(urlsplit(alice.browser.post(form[1])["Location"]).query)["scope"][0].split()
    assert "services.read" in asked


def test_an_optional_scope_is_really_asked_for(
    tried: Callable[[], tuple[ActionCall, str]], alice: Dance, sandbox: Sandbox
) -> None:
    body = {"error": {"message": "No", "required_scopes": ["webhook_subscriptions.read"], "token_scopes": []}}
    sandbox.faults.add([{"kind": "status", "status": 403, "path": "/services$", "body": body}])
    call, page = tried()

    form = re.search(r'<form method="post" action="([^"]+/reconnect/)">(.*?)</form>', page, re.DOTALL)
    assert form
    fields = dict(re.findall(r'type="hidden" name="([a-z_]*)" value="([^"]*)"', form[2]))
    asked = parse_qs(urlsplit(alice.browser.post(form[1], fields)["Location"]).query)["scope"][0].split()
    assert asked == ["openid", *scopes.SCOPES, *scopes.WEBHOOKS.scopes]
    assert Grant.objects.get().scopes_asked.count("webhook_subscriptions.read") == 0
    assert call.status == "failed"


def test_one_that_the_app_does_not_ask_for_says_who_would_have_to_allow_it(
    tried: Callable[[], tuple[ActionCall, str]], sandbox: Sandbox
) -> None:
    body = {"error": {"message": "Token missing required scopes", "required_scopes": "extensions.write"}}
    sandbox.faults.add([{"kind": "status", "status": 403, "path": "/services$", "body": body}])

    _, page = tried()

    assert "Missing: extensions.write." in page
    assert "Your TaskJuice administrator" in page
    assert "Reconnect with these permissions" not in page


def test_what_is_seen_to_be_missing_before_asking_is_named_the_same_way() -> None:
    hint = error_hints.for_error(
        {"code": "missing_scope", "detail": {"scope": "users.read schedules.read"}},
        catalog.integration("pagerduty"),
    )

    assert hint.asks == ("users.read", "schedules.read")
    assert hint.reconnect
    assert not hint.also


# --- what is asked for -------------------------------------------------------------------------------------
def scopes_on(page: str) -> list[str]:
    return re.findall(r'<code class="quiet">([^<]+)</code>', page)


@pytest.mark.parametrize("mode", ["scoped", "classic"])
@pytest.mark.parametrize("own_app", [False, True])
@pytest.mark.parametrize(
    "optional", [[], ["webhooks"], [one.key for one in scopes.OPTIONAL]], ids=["six", "webhooks", "all"]
)
def test_the_connect_pages_list_exactly_what_is_asked_for(
    alice: Dance, who: People, settings: Any, mode: str, own_app: bool, optional: list[str]
) -> None:
    settings.PAGERDUTY_OAUTH_MODE, settings.PAGERDUTY_APP_ID = mode, "PAPP1"
    if own_app:
        oauth_apps.store(
            actor=SYSTEM, workspace=who.acme, provider="pagerduty", client_id="own", client_secret="s"
        )
    alice.browser.post(reverse("connections:switch"), {"place": f"workspace:{who.acme.pk}"})
    offered = scopes_on(alice.browser.get(reverse("connections:connect")).content.decode())
    form = {f"optional_{key}": "on" for key in optional}
    asked = parse_qs(urlsplit(alice.start(who.acme, **form)).query)["scope"][0].split()
    link = client_links.send(
        actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="Asked", email="",
        expected_account="", optional=optional,
    )  # fmt: skip
    client, url = Client(), link.url
    assert url

    page = client.get(url.replace("http://127.0.0.1:8000", ""), follow=True).content.decode()

    assert scopes_on(page) == asked
    assert [scope for scope in offered if scope in asked] == asked
    assert "openid" in asked
    assert ("oauth_apps/PAPP1" in page) is (mode == "scoped" and not own_app)
