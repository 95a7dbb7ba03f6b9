"""The sandbox's pages, posted to as their forms do."""

import re
from dataclasses import fields
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.control.faults import KINDS, Rule
from pagerduty_app.sandbox.pages.faults import COMMON, CONSENT
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES
from tests.pagerduty_app.sandbox.conftest import Ask, Inbox, SignIn

WEBHOOKS = "/app/acme/webhooks"


class Pages:
    """A browser without a screen."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str) -> str:
        answer = self.http.get(self.base_url + path, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **form: Any) -> str:
        answer = self.http.post(self.base_url + path, data=form, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def pages(server: SandboxServer, sandbox: Sandbox) -> Pages:
    return Pages(server.url)


# --- faults --------------------------------------------------------------------------------------
def test_every_page_leads_to_the_faults_and_says_how_many_are_in_force(pages: Pages) -> None:
    made = pages.send("/app/acme/incidents", title="Down", service="PSVC00")
    assert "Faults</a>" in made
    pages.send("/app/faults", common="slow", times="1")
    pages.send("/app/faults", consent="invalid_scope")

    for path in ("/", WEBHOOKS, "/app/faults"):
        assert '<a href="/app/faults">Faults (2 active)</a>' in pages.get(path)


@pytest.mark.parametrize(
    ("common", "status"),
    [("rate-limit", 429), ("refuse-token", 401), ("missing-scope", 403), ("server-error", 500), ("bad-gateway", 502)],
)  # fmt: skip
def test_a_common_fault_strikes_as_often_as_was_said(
    pages: Pages, ask: Ask, sandbox: Sandbox, common: str, status: int
) -> None:
    page = pages.send("/app/faults", common=common, requests="api", times="1")
    assert f"<code>{COMMON[common].rule['kind']}</code>" in page

    struck = ask("GET", "/services")

    assert struck.status_code == status
    assert ask("GET", "/services").status_code == 200
    assert sandbox.faults.rules[0].hits == 1
    assert "None (expired)" in pages.get("/app/faults")
    assert " active)" not in pages.get("/app/faults")
    if common == "rate-limit":
        assert struck.headers["Retry-After"] == "2"
    if common == "missing-scope":
        assert struck.json()["error"]["required_scopes"] == "incidents.write"


@pytest.mark.parametrize(("common", "done"), [("lose-answer", 1), ("drop-before", 0)])
def test_a_broken_connection_is_before_or_after_the_work(
    pages: Pages, ask: Ask, common: str, done: int
) -> None:
    incident = ask("GET", "/services").json()["services"][0]["id"]
    body = {
        "incident": {
            "type": "incident",
            "title": "X",
            "service": {"id": incident, "type": "service_reference"},
        }
    }
    pages.send("/app/faults", common=common, requests="creates", times="3")
    assert ask("GET", "/incidents").json()["incidents"] == []

    with pytest.raises(requests.ConnectionError):
        ask("POST", "/incidents", json=body)

    assert len(ask("GET", "/incidents").json()["incidents"]) == done


def test_faults_of_the_api_spare_the_sign_in(pages: Pages, sign_in: SignIn) -> None:
    pages.send("/app/faults", common="server-error", requests="api")
    tokens = sign_in.tokens()
    pages.send("/app/faults", common="server-error", requests="sign-in")

    assert sign_in.refresh(tokens["refresh_token"]).status_code == 500


@pytest.mark.parametrize("code", CONSENT)
def test_consents_are_refused_until_all_is_cleared(pages: Pages, sign_in: SignIn, code: str) -> None:
    assert f"fails with <code>{code}</code>" in pages.send("/app/faults", consent=code)
    assert f"error={code}" in sign_in.decide().headers["Location"]

    assert "PagerDuty works normally" in pages.send("/app/faults", clear="1")
    assert sign_in.code()


def test_a_consent_may_grant_reading_only(pages: Pages, sign_in: SignIn) -> None:
    assert "An authorization grants at most" in pages.send("/app/faults", consent="reading")

    assert "incidents.write" not in sign_in.tokens()["scope"].split()


def test_what_the_call_sets_is_listed_and_everything_it_takes_is_described(pages: Pages) -> None:
    rule = {"kind": "status", "status": 418, "path": "/teapots$"}
    pages.http.post(f"{pages.base_url}/_sandbox/faults", json={"rules": [rule]}, timeout=5)
    page = pages.get("/app/faults")

    assert "</code> 418" in page
    assert "All methods /teapots$" in page
    described = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"<code>(.*?)</code>", page))))
    names = {field.name for field in fields(Rule) if not field.name.startswith("_")} - {"kind", "hits"}
    assert (names | set(KINDS)) - described == set()


@pytest.mark.parametrize("form", [{"common": "nonsense"}, {"common": "slow", "requests": "?"}, {}])
def test_nonsense_sets_nothing(pages: Pages, sandbox: Sandbox, form: dict[str, str]) -> None:
    answer = pages.http.post(f"{pages.base_url}/app/faults", data=form, timeout=5)

    assert answer.status_code == 400
    assert sandbox.faults.in_force() == 0


# --- webhooks ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("form", "filter_", "words"),
    [
        ({"scope": "account"}, {}, "<td>Account</td>"),
        ({"scope": "service", "service": "PSVC01"}, {"id": "PSVC01"}, "<td>Service: Checkout</td>"),
        ({"scope": "team", "team": "PTEAM00"}, {"id": "PTEAM00"}, "<td>Team: Platform</td>"),
    ],
)  # fmt: skip
def test_a_webhook_has_the_scope_and_the_event_types_that_were_chosen(
    pages: Pages, sandbox: Sandbox, form: dict[str, str], filter_: dict[str, str], words: str
) -> None:
    events = ["incident.resolved", "incident.triggered"]
    page = pages.send(WEBHOOKS, url="http://127.0.0.1:9/hook", events=events, **form)

    (made,) = sandbox.store.all("subscription")
    assert made["filter"] == {"type": f"{form['scope']}_reference"} | filter_
    assert set(made["events"]) == set(events)
    assert words in page
    assert made["secret"] in page
    assert made["secret"] not in pages.get(WEBHOOKS)


def test_only_what_was_chosen_is_delivered(pages: Pages, sandbox: Sandbox, inbox: Inbox) -> None:
    pages.send(WEBHOOKS, url=inbox.url, scope="service", service="PSVC01", events="incident.triggered")
    for service in ("PSVC00", "PSVC01"):
        pages.send("/app/acme/incidents", title=f"Of {service}", service=service)
    ((incident,),) = sandbox.store.rows("SELECT id FROM incidents WHERE service = 'PSVC01'")
    pages.send(f"/app/incidents/{incident}", act="resolve")

    inbox.wait(1)
    assert sandbox.store.rows("SELECT lane, event_type FROM deliveries") == [(incident, "incident.triggered")]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"url": "ftp://x.example"}, "Webhook URL:"),
        ({"events": []}, "tick at least one event type"),
        ({"scope": "galaxy"}, "Scope Type:"),
        ({"scope": "service", "service": "PSVC10"}, "Choose a service of this account"),
        ({"scope": "team", "team": ""}, "Choose a team of this account"),
    ],
)
def test_a_form_that_is_not_in_order_says_what_is_wrong_and_keeps_what_was_typed(
    pages: Pages, sandbox: Sandbox, form: dict[str, Any], words: str
) -> None:
    given = {"url": "http://127.0.0.1:9/hook", "scope": "account", "events": EVENT_TYPES[:1]} | form
    page = pages.send(WEBHOOKS, **given)

    assert words in page
    assert sandbox.store.all("subscription") == []
    assert f'value="{given["url"]}"' in page
    assert page.count(" checked") == len(given["events"])


def test_only_a_disabled_webhook_can_be_enabled(pages: Pages, sandbox: Sandbox) -> None:
    pages.send(WEBHOOKS, url="http://127.0.0.1:9/hook", scope="account", events=EVENT_TYPES)
    (made,) = sandbox.store.all("subscription")
    assert 'value="enable"' not in pages.get(WEBHOOKS)

    for change, state in (
        ({"disabled_until": 4e9}, "Temporarily disabled"),
        ({"active": False}, "<td>Disabled</td>"),
    ):
        sandbox.store.put("subscription", made["id"], made | change)
        page = pages.get(WEBHOOKS)
        assert state in page
        assert 'value="enable"' in page
        page = pages.send(f"{WEBHOOKS}/{made['id']}", act="enable")
        assert "<td>Enabled</td>" in page
        assert sandbox.store.all("subscription") == [made]


def test_a_webhook_belongs_to_its_account(pages: Pages, sandbox: Sandbox) -> None:
    pages.send(WEBHOOKS, url="http://127.0.0.1:9/hook", scope="account", events=EVENT_TYPES)
    (made,) = sandbox.store.all("subscription")
    sandbox.ping(made)
    assert "pagey.ping" in pages.get(WEBHOOKS)
    assert "pagey.ping" not in pages.get("/app/globex/webhooks")

    url = f"{pages.base_url}/app/globex/webhooks/{made['id']}"
    assert pages.http.post(url, data={"act": "delete"}, timeout=5).status_code == 404
    assert sandbox.store.all("subscription") == [made]


# --- incidents -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"One", "Two", "Three"}),
        ("?service=PSVC00", {"One", "Two"}),
        ("?urgency=low", {"Two", "Three"}),
        ("?service=PSVC00&urgency=low", {"Two"}),
        ("?service=PSVC03", set()),
    ],
)
def test_incidents_of_one_service_or_urgency(pages: Pages, query: str, shown: set[str]) -> None:
    for title, service, urgency in (
        ("One", "PSVC00", "high"),
        ("Two", "PSVC00", "low"),
        ("Three", "PSVC01", "low"),
    ):
        pages.send("/app/acme/incidents", title=title, service=service, urgency=urgency)

    page = pages.get(f"/app/acme/incidents{query}")

    assert set(re.findall(r"\[#\d+\] (\w+)</a>", page)) == shown


# --- who consents --------------------------------------------------------------------------------
def offered(pages: Pages, sign_in: SignIn) -> str:
    answer = pages.http.get(f"{pages.base_url}/oauth/authorize", params=sign_in.asked(), timeout=5)
    (user,) = re.findall(r'<option value="(\w+)" selected>', answer.text)
    return str(user)


def test_consent_offers_an_account_that_is_not_connected_yet(pages: Pages, sign_in: SignIn) -> None:
    assert offered(pages, sign_in) == "PUSER00"

    sign_in.tokens(user="PUSER00")
    assert offered(pages, sign_in) == "PUSER10"


def test_the_person_stays_signed_in(pages: Pages, sign_in: SignIn) -> None:
    sign_in.tokens(user="PUSER00")
    form = sign_in.asked() | {"decision": "allow", "user": "PUSER11"}
    pages.http.post(f"{pages.base_url}/oauth/authorize", data=form, allow_redirects=False, timeout=5)

    assert offered(pages, sign_in) == "PUSER11"
    assert "Incidents of globex" in pages.get("/")
