"""Actions that need an optional permission, in Chromium: asked for where it is missing, then run by choosing."""

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, hindrances
from tests.flows.clicking import DANA, fact, open_form, send
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("optional actions")]


@pytest.fixture(autouse=True)
def granted(page: Page) -> None:
    """Each permission that an action lacks is asked for with the button beside it, one after the other."""
    for action in ("Create override", "Create maintenance window", "Start incident workflow"):
        page.goto("/settings/connections/")
        page.get_by_role("link", name="Acme's PagerDuty").click()
        page.get_by_role("link", name="Run an action").click()
        offer = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=action))
        if offer.get_by_role("button", name="Reconnect with these permissions").count():
            assert hindrances(page) == []
            offer.get_by_role("button", name="Reconnect with these permissions").click()
            allow(page)
        else:
            expect(offer.get_by_role("link", name=action)).to_be_visible()


def test_a_user_is_put_on_call_for_an_hour(page: Page) -> None:
    open_form(page, "Create override")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Schedule").select_option(index=1)
    page.get_by_label("User").select_option(value="PUSER04")
    page.get_by_label("Duration in minutes").fill("60")
    assert hindrances(page) == []
    send(page, "Create override")

    expect(page.get_by_text("Succeeded")).to_be_visible()
    expect(fact(page, "User")).to_have_text("Hana Sato")


def test_services_are_put_into_maintenance(page: Page, product: Product) -> None:
    open_form(page, "Create maintenance window")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_role("group", name="Services").get_by_label("Checkout").check()
    page.get_by_label("Duration in minutes").fill("30")
    send(page, "Create maintenance window")

    expect(page.get_by_text("Succeeded")).to_be_visible()
    page.goto(f"{product.theirs.url}/app/acme/maintenance_windows")
    expect(page.get_by_role("row", name="Checkout")).to_contain_text("Dana Rivera")


def test_a_workflow_of_pagerduty_is_started_on_an_incident(page: Page, product: Product) -> None:
    sandbox = product.sandbox
    account = next(row["id"] for row in sandbox.store.all("account") if row["subdomain"] == "acme")
    wanted = {"type": "incident", "title": "Search is down", "service": {"id": "PSVC02"}, "urgency": "high"}
    incident = sandbox.incidents.open(account, sandbox.person(account), wanted)
    open_form(page, "Start incident workflow")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Incident ID").fill(incident["id"])
    page.get_by_label("Incident workflow").fill("PFLOW01")
    send(page, "Start incident workflow")

    expect(page.get_by_text("Succeeded")).to_be_visible()
    page.goto(f"{product.theirs.url}/app/incidents/{incident['id']}")
    expect(page.get_by_text("Major incident")).to_be_visible()
