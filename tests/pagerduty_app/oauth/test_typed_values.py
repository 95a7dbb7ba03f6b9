"""Values that people type and that are compared to PagerDuty's later: in its form at entry, or refused there."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from connections.connecting import client_links
from connections.models import ClientLink, Connection
from connections.web.forms import ConnectionForm
from core.errors import Problem
from pagerduty_app.client.subdomains import NotASubdomain, subdomain_of
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import SYSTEM, People, connect
from tests.support.consent import Dance, decide

FORMS = [
    "acme",
    "  Acme ",
    "ACME.pagerduty.com",
    "acme.pagerduty.com.",
    "https://acme.pagerduty.com",
    "http://acme.pagerduty.com/incidents/PINC1?x=1#y",
    "https://acme.eu.pagerduty.com/",
    "acme.eu.pagerduty.com",
    "acme.eu",
    "//acme.pagerduty.com",
    "acme.pagerduty.com:443/services",
    "https://dana:secret@acme.pagerduty.com/",
    "https:\\\\acme.pagerduty.com\\x",
    "acme.pagerduty.com?x",
    "\u200bacme\u00a0",
    "\u201cacme\u201d",
    "'acme.pagerduty.com'",
    "(https://acme.pagerduty.com/)",
    "(acme),",
    "https:/acme.pagerduty.com",
    "https:acme.pagerduty.com",
    "\uff41\uff43\uff4d\uff45\u3002pagerduty\u3002com",
]


@pytest.mark.parametrize("typed", FORMS)
def test_every_form_of_a_subdomain_is_the_same_one(typed: str) -> None:
    assert subdomain_of(typed) == "acme"


@pytest.mark.parametrize(
    ("typed", "is_"),
    [
        ("", ""),
        (" \t", ""),
        ("umbrella-eu", "umbrella-eu"),
        ("a", "a"),
        ("b\u00fccher.pagerduty.com", "xn--bcher-kva"),
        ("7-Eleven", "7-eleven"),
    ],
)
def test_others_are_what_they_are(typed: str, is_: str) -> None:
    assert subdomain_of(typed) == is_


@pytest.mark.parametrize(
    "typed",
    [
        "acme.example",
        "https:/",
        "acme\u2122\u2022corp",
        "acme\u2019s",
        "https://acme.example/acme.pagerduty.com",
        "acme.pagerduty.com.evil.example",
        "dana@acme.example",
        "pagerduty.com",
        "https://app.pagerduty.com/oauth_apps/X",
        "identity.pagerduty.com",
        "eu.pagerduty.com",
        "acme corp",
        "acme_corp",
        "-acme",
        "acme-",
        "a.b.pagerduty.com",
        "x" * 64,
        "x" * 501,
        "https://",
        "<script>",
        "ac\x00me!",
        "Acme, Inc.",
        "\ud800",
    ],
)
def test_what_cannot_be_one_is_refused(typed: str) -> None:
    with pytest.raises(NotASubdomain):
        subdomain_of(typed)


@given(st.text(max_size=80))
def test_any_text_is_a_subdomain_or_refused(typed: str) -> None:
    try:
        found = subdomain_of(typed)
    except NotASubdomain:
        return
    assert subdomain_of(found) == found


def asked(browser: Client, workspace: Any, expected: str) -> Any:
    form = {"label": "Asked", "workspace": str(workspace.pk), "email": "", "expected_account": expected}
    return browser.post(reverse("connections:link_add"), form)


@pytest.mark.parametrize("typed", ["https://acme.pagerduty.com/incidents", "acme.eu.pagerduty.com"])
def test_a_link_takes_the_right_client_however_the_subdomain_was_typed(
    who: People, sandbox: Sandbox, typed: str
) -> None:
    alice = Dance(who.alice)
    assert asked(alice.browser, who.acme, typed).status_code == 302
    link = ClientLink.objects.get()
    assert link.expected_account == "acme"

    assert _consent(link).endswith("/client/done/")
    assert Connection.objects.get().status == "active"


def test_a_link_of_before_takes_the_right_client_too(who: People, sandbox: Sandbox) -> None:
    link = client_links.send(
        actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="Asked", email="",
        expected_account="",
    )  # fmt: skip
    ClientLink.objects.update(expected_account="https://acme.pagerduty.com")

    assert _consent(link).endswith("/client/done/")


def test_a_link_still_refuses_another_account(who: People, sandbox: Sandbox) -> None:
    link = client_links.send(
        actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="Asked", email="",
        expected_account="globex.pagerduty.com",
    )  # fmt: skip

    assert "Not the requested PagerDuty account" in _consent(link)


def _consent(link: ClientLink) -> str:
    """Where the client ends: an address, or what the page says."""
    client, url = Client(), link.url
    assert url
    client.get(url.replace("http://127.0.0.1:8000", ""), follow=True)
    out = client.post(reverse("connections:client_agree"), {"link": str(link.pk)})["Location"]
    answer = client.get(decide(out).replace("http://127.0.0.1:8000", ""))
    return str(answer["Location"]) if answer.status_code == 302 else answer.content.decode()


def test_what_cannot_match_is_refused_at_entry_with_its_form(who: People) -> None:
    browser = Dance(who.alice).browser

    answer = asked(browser, who.acme, "acme.example")

    assert answer.status_code == 400
    assert "letters, digits and hyphens, such as “acme” for acme.pagerduty.com." in answer.content.decode()
    assert not ClientLink.objects.exists()
    with pytest.raises(Problem) as raised:
        client_links.send(
            actor=SYSTEM, connection=None, workspace=who.acme, provider="pagerduty", label="x", email="",
            expected_account="acme.example",
        )  # fmt: skip
    assert raised.value.code == "not_an_account"
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "typed", ["acme", "https://acme.pagerduty.com/incidents/P1", "acme.eu.pagerduty.com"]
)
def test_a_connection_is_found_by_its_accounts_address(who: People, typed: str) -> None:
    Connection.objects.filter(pk=connect(who.acme, "The big one").pk).update(external_account_name="Acme")
    connect(who.acme, "Other")

    answer = Dance(who.alice).browser.get(reverse("connections:list"), {"q": typed})

    assert [row.label for row in answer.context["page"].rows] == ["The big one"]


@pytest.mark.parametrize(
    "typed",
    [
        "dana@acme.example",
        " dana@acme.example; ",
        "Dana Rivera <dana@acme.example>",
        '"Rivera, Dana" <dana@acme.example>,',
        "mailto:dana@acme.example?subject=x",
        "<dana@acme.example>",
    ],
)
def test_an_address_is_taken_as_mail_programs_copy_it(typed: str) -> None:
    form = ConnectionForm({"label": "x", "default_from": typed})

    assert form.is_valid(), form.errors
    assert form.cleaned_data["default_from"] == "dana@acme.example"


@pytest.mark.parametrize(
    "typed", ["Dana", "<dana>", "mailto:", "dana@a.example, eli@a.example", "<b@c> <d@e.example>"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    assert "default_from" in ConnectionForm({"label": "x", "default_from": typed}).errors
