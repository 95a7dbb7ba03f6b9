"""Trying actions in Chromium: by clicking, with pickers, against the sandbox; results, an error, history, chart."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM
from tests.flows.clicking import DANA, fact, open_form, send
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("actions")]


@pytest.fixture
def incident(product: Product) -> dict[str, Any]:
    """One that is open in the sandbox already."""
    sandbox = product.sandbox
    account = next(row["id"] for row in sandbox.store.all("account") if row["subdomain"] == "acme")
    wanted = {"type": "incident", "title": "Search is down", "service": {"id": "PSVC02"}, "urgency": "high"}
    made: dict[str, Any] = sandbox.incidents.open(account, sandbox.person(account), wanted)
    return made


def test_an_incident_is_opened_by_choosing_and_is_there_in_pagerduty(page: Page, product: Product) -> None:
    open_form(page, "Create incident")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Service").select_option(label="Checkout")
    page.get_by_label("Title").fill("Opened by hand")
    page.get_by_text("More options").click()
    page.get_by_label("Urgency").select_option(label="Low")
    send(page, "Create incident")

    expect(page.get_by_text("Succeeded")).to_be_visible()
    expect(fact(page, "Service")).to_have_text("Checkout")
    expect(fact(page, "Urgency")).to_have_text("low")
    call = page.url
    page.go_back()
    expect(page.get_by_label("Title")).to_have_value("Opened by hand")
    send(page, "Create incident")
    expect(page.get_by_text("Already submitted")).to_be_visible()
    assert page.url == call

    page.goto(f"{product.theirs.url}/app/acme/incidents")
    expect(page.get_by_text("Opened by hand")).to_have_count(1)


def test_an_incident_is_read_and_changed_and_gets_a_note_one_from_the_other(
    page: Page, product: Product, incident: dict[str, Any]
) -> None:
    open_form(page, "Get incident")
    page.get_by_label("Incident ID").fill(incident["id"])
    send(page, "Get incident")
    expect(fact(page, "Title")).to_have_text("Search is down")
    expect(fact(page, "Status")).to_have_text("triggered")

    page.get_by_role("link", name="Update incident").click()
    expect(page.get_by_label("Incident ID")).to_have_value(incident["id"])
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Status").select_option(label="Acknowledged")
    send(page, "Update incident")
    expect(fact(page, "Status")).to_have_text("acknowledged")

    page.get_by_role("link", name="Create incident note").click()
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Note").fill("Looked at the queue\nand at the disk")
    send(page, "Create incident note")
    expect(fact(page, "Content")).to_contain_text("and at the disk")

    page.goto(f"{product.theirs.url}/app/incidents/{incident['id']}")
    expect(page.get_by_text("Looked at the queue")).to_be_visible()


def test_lists_are_tables(page: Page, incident: dict[str, Any]) -> None:
    open_form(page, "List incidents")
    page.get_by_text("More options").click()
    page.get_by_role("group", name="Statuses").get_by_label("Triggered").check()
    page.get_by_role("group", name="Services").get_by_label("Search").check()
    page.get_by_label("All pages").check()
    send(page, "List incidents")
    row = page.get_by_role("row", name=incident["id"])
    expect(row).to_contain_text("Search is down")
    link = row.get_by_role("link", name="Search is down")
    assert (link.get_attribute("href") or "").endswith(incident["id"])

    open_form(page, "List services")
    send(page, "List services")
    expect(page.get_by_role("row", name="Internal tools")).to_be_visible()
    page.get_by_text("Output as JSON").click()
    expect(page.get_by_role("region", name="Output as JSON")).to_contain_text('"services"')


def test_an_error_says_what_to_do_and_leads_back_to_the_filled_form(
    page: Page, incident: dict[str, Any]
) -> None:
    open_form(page, "Get incident")
    page.get_by_label("Incident ID").fill("PNOWHERE")
    send(page, "Get incident")
    expect(page.get_by_text("Check the incident’s ID.")).to_be_visible()
    expect(page.get_by_text("PagerDuty answered 404.")).to_be_visible()

    page.get_by_role("link", name="Edit and retry").click()
    expect(page.get_by_label("Incident ID")).to_have_value("PNOWHERE")
    page.get_by_label("Incident ID").fill(incident["id"])
    send(page, "Get incident")
    expect(page.get_by_text("Succeeded")).to_be_visible()


def test_a_call_that_has_to_wait_is_followed_to_its_end(
    page: Page, product: Product, incident: dict[str, Any]
) -> None:
    rule = {"kind": "rate_limit", "method": "GET", "path": "/incidents/", "retry_after": "2", "times": 1}
    product.sandbox.faults.add([rule])
    open_form(page, "Get incident")
    page.get_by_label("Incident ID").fill(incident["id"])
    send(page, "Get incident")

    expect(page.get_by_text("Next automatic retry at")).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_be_visible(timeout=30_000)
    expect(fact(page, "Attempts")).to_have_text("2")


def test_every_call_is_in_the_history_with_a_chart(page: Page) -> None:
    open_form(page, "Get incident")
    page.get_by_label("Incident ID").fill("PNOWHERE")
    send(page, "Get incident")
    page.goto("/settings/connections/")
    page.get_by_role("link", name="Acme's PagerDuty").click()
    page.get_by_role("link", name="View all").click()

    expect(
        page.get_by_role("img", name=re.compile("API requests per day in the last 14 days"))
    ).to_be_visible()
    page.get_by_text("View as table").click()
    expect(page.get_by_role("region", name="API requests per day").get_by_role("row")).to_have_count(15)
    page.get_by_label("Status").select_option(label="Failed")
    page.get_by_role("button", name="Apply").click()
    rows = page.get_by_role("region", name="Request log").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Get incident")
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_text("Check the incident’s ID.")).to_be_visible()
