"""A second provider connects through the platform's own pages, beside the first."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from django.test import Client, RequestFactory
from django.urls import reverse

from connections.connecting.adapter import ConnectorAdapter
from connections.grants import registry
from connections.models import AuditEvent, Connection, Grant
from core.crypto import reveal
from pagerduty_app.oauth import scopes as pagerduty
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.acme_provider.provider import PROVIDER, SCOPES
from tests.acme_provider.shop import Shop
from tests.factories import People
from tests.support.consent import Dance, decide

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.acme_provider.routes")]
CONNECT, LINK_ADD = reverse("connections:connect"), reverse("connections:link_add")


@pytest.fixture
def alice(who: People, shop: Shop) -> Dance:
    return Dance(who.alice)


def page(browser: Client, path: str) -> str:
    return unescape(browser.get(path, follow=True).content.decode())


def choices(text: str) -> list[tuple[str, str]]:
    """Return the providers that a page offers: (key, name)."""
    return re.findall(r'href="\?provider=(\w+)">([^<]+)</a>', text)


def agree(consent_page: str) -> str:
    """Return where Acme's consent page leads back to."""
    answer = requests.get(consent_page, allow_redirects=False, timeout=5)
    return answer.headers["Location"]


def start(alice: Dance, who: People, **form: str) -> str:
    return alice.start(who.acme, "Shop", **{"provider": "acme"} | form)


def only() -> Connection:
    return Connection.objects.select_related("grant").get()


def test_a_connection_is_added_through_the_platforms_pages(alice: Dance, who: People, shop: Shop) -> None:
    assert choices(page(alice.browser, CONNECT)) == [("pagerduty", "PagerDuty"), ("acme", "Acme Shop")]

    shown = page(alice.browser, f"{CONNECT}?provider=acme")
    assert "Continue to Acme Shop" in shown
    assert all(words in shown for words in SCOPES.values())
    assert "PagerDuty" not in shown
    policy = alice.browser.get(CONNECT)["Content-Security-Policy"]
    assert shop.url in policy.partition("form-action")[2].partition(";")[0]

    out = start(alice, who)
    asked = parse_qs(urlsplit(out).query)
    assert asked["scope"] == [" ".join(SCOPES)]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/accounts/acme/login/callback/"]
    back = alice.come_back(agree(out))

    connection = only()
    assert back["Location"] == reverse("connections:detail", args=[connection.pk])
    assert (connection.status, connection.provider, connection.region) == ("active", "acme", "eu")
    assert (connection.external_account_id, connection.authorised_by) == ("ACME-SHOP", who.alice)
    assert connection.grant.scopes_asked == connection.grant.scopes_granted == list(SCOPES)
    assert reveal(connection.grant, "access_token") == "shop-access-1"
    assert AuditEvent.objects.get(action="connection.connected").detail["missing"] == []
    assert not SocialAccount.objects.exists()
    assert not SocialToken.objects.exists()


def test_pagerduty_is_connected_beside_it(alice: Dance, who: People, sandbox: Sandbox) -> None:
    alice.come_back(agree(start(alice, who)))
    asked = alice.connect(who.acme, "Incidents").grant.scopes_asked

    assert asked == ["openid", *pagerduty.SCOPES]
    listed = page(alice.browser, "/settings/connections/")
    assert "<td>Acme Shop</td>" in listed
    assert "<td>PagerDuty</td>" in listed
    assert '<th scope="col">Account</th>' in listed


def test_a_client_connects_by_a_link(alice: Dance, who: People) -> None:
    assert ("acme", "Acme Shop") in choices(page(alice.browser, LINK_ADD))
    form = {"label": "Shop", "workspace": str(who.acme.pk), "email": "", "expected_account": "Acme-Shop "}
    alice.browser.post(f"{LINK_ADD}?provider=acme", form)
    link = re.search(r'value="http[^"]+(/client/\?link=[^"]+)"', page(alice.browser, detail(only_pending())))
    assert link is not None
    client = Client()

    shown = page(client, link[1])
    assert "wants to connect to your Acme Shop" in shown
    agreed = re.search(r'name="link" value="([^"]+)"', shown)
    assert agreed is not None
    out = client.post(reverse("connections:client_agree"), {"link": agreed[1]})["Location"]
    done = client.get(path_of(agree(out)), follow=True)

    assert "Acme Shop is connected" in done.content.decode()
    assert only().authorised_label == "Client link"


def test_another_account_needs_a_confirmation(alice: Dance, who: People, shop: Shop) -> None:
    alice.come_back(agree(start(alice, who)))
    shop.name = "another-shop"

    answer = alice.come_back(agree(alice.start_again(only())))

    assert answer.status_code == 409
    assert "different Acme Shop account" in answer.content.decode()
    assert only().external_account_name == "acme-shop"


@pytest.mark.parametrize(
    ("error", "words"),
    [("access_denied", "Access was not granted"), ("invalid_scope", "Acme Shop refused the authorization")],
)
def test_a_refused_consent_is_a_page(alice: Dance, who: People, shop: Shop, error: str, words: str) -> None:
    shop.error = error

    answer = alice.come_back(agree(start(alice, who)))

    assert words in answer.content.decode()
    assert "PagerDuty" not in answer.content.decode()
    assert not Grant.objects.exists()


def test_a_code_that_acme_does_not_know_connects_nothing(alice: Dance, who: People) -> None:
    back = agree(start(alice, who)).replace("code=code-0", "code=forged")

    answer = alice.come_back(back)

    assert answer.status_code == 502
    assert "invalid_grant" in answer.content.decode()
    assert not Grant.objects.exists()


def test_a_consent_of_one_provider_cannot_be_completed_at_the_other(
    alice: Dance, who: People, sandbox: Sandbox
) -> None:
    of_acme = agree(start(alice, who)).replace("/acme/", "/pagerduty/")
    of_pagerduty = decide(alice.start(who.acme)).replace("/pagerduty/", "/acme/")

    for back in (of_acme, of_pagerduty):
        assert alice.come_back(back).status_code == 400
    assert set(Connection.objects.values_list("status", flat=True)) == {"pending"}


def test_a_login_that_no_page_of_ours_started_is_refused(alice: Dance, who: People) -> None:
    """allauth itself would sign in any person who returns with a state and a code."""
    out = start(alice, who)
    state = parse_qs(urlsplit(out).query)["state"][0]
    session = alice.browser.session
    session[statekit.STATES_SESSION_KEY][state][0].update(process="login", data=None)
    session.save()

    answer = alice.come_back(agree(out))

    assert answer.status_code == 403
    assert "You cannot authorize this connection" in answer.content.decode()
    assert not Grant.objects.exists()
    assert not SocialAccount.objects.exists()


def test_a_provider_that_is_not_registered_is_refused(rf: RequestFactory) -> None:
    login = SocialLogin(account=SocialAccount(provider="elsewhere", uid="1"))
    login.state = {"data": {"connection": "1", "user": 1}}

    with pytest.raises(ImmediateHttpResponse) as refused:
        ConnectorAdapter().pre_social_login(rf.get("/"), login)

    assert refused.value.response.status_code == 403


def test_nobody_signs_in_with_it(client: Client) -> None:
    for method in (client.get, client.post):
        assert method("/accounts/acme/login/").status_code == 404


def test_a_workspace_has_an_own_app_where_the_provider_allows_one(
    alice: Dance, who: People, shop: Shop
) -> None:
    own = reverse("connections:own_app", args=[who.acme.pk])
    assert choices(page(alice.browser, own)) == []  # PagerDuty's alone: no choice

    registry.register(replace(PROVIDER, own_app_hint="Settings, Apps, New."))
    shop.apps["acmes-own"] = "the-own-secret"
    assert ("acme", "Acme Shop") in choices(page(alice.browser, own))
    entered = {"client_id": "acmes-own", "client_secret": "the-own-secret"}
    answer = alice.browser.post(f"{own}?provider=acme", entered, follow=True)
    assert "Acme Shop app of Acme" in answer.content.decode()
    alice.come_back(agree(start(alice, who)))

    app = only().grant.oauth_app
    assert app is not None
    assert (app.provider, app.client_id) == ("acme", "acmes-own")


def detail(connection: Connection) -> str:
    return reverse("connections:detail", args=[connection.pk])


def only_pending() -> Connection:
    return Connection.objects.get(status="pending")


def path_of(url: str) -> str:
    return f"{urlsplit(url).path}?{urlsplit(url).query}"
