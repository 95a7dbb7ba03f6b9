"""One agency from signing up to a revoked connection, without the API or a shell; the pictures of docs/ with it."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, new_page, shoot, start
from tests.flows.clicking import DANA, add_webhook, fact, fill_sign_up, make_trigger, open_form, send
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("journey")]
LABEL = "Acme's PagerDuty"


def test_from_signing_up_to_the_receipt(browser: Browser, product: Product) -> None:
    page, watch = new_page(browser, product, viewport={"width": 1280, "height": 860})
    page.goto("/accounts/signup/")
    fill_sign_up(page, "nora@northwind.example", "Northwind Studio")
    start(page, LABEL)
    allow(page)
    expect(page.get_by_text(f"{LABEL} is connected.")).to_be_visible()

    confirm_a_trigger(page, product)
    try_each_action(page)
    page.goto("/settings/connections/")
    page.get_by_role("link", name=LABEL).click()
    shoot(page, "connection")
    revoke(page)
    page.context.close()
    assert watch.complaints == []


def confirm_a_trigger(page: Page, product: Product) -> None:
    webhook = add_webhook(page, product, make_trigger(page, "Incidents at Acme"))
    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    expect(page.locator("#badge")).to_have_text("Awaiting first event")
    shoot(page, "trigger-setup")
    product.sandbox.ping(webhook)
    expect(page.locator("#badge")).to_have_text("Active")
    page.get_by_role("button", name="Send test event").click()
    expect(page.get_by_role("row", name="Checkout answers slowly")).to_contain_text("Accepted")


def try_each_action(page: Page) -> None:
    open_form(page, "List services", LABEL)
    send(page, "List services")
    expect(page.get_by_role("row", name="Checkout")).to_be_visible()

    open_form(page, "Create incident", LABEL)
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Service").select_option(label="Checkout")
    page.get_by_label("Title").fill("Payments time out")
    shoot(page, "try-action")
    send(page, "Create incident")
    expect(fact(page, "Status")).to_have_text("triggered")
    shoot(page, "action-call")

    page.get_by_role("link", name="Create incident note").click()
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Note").fill("The runbook: restart the queue")
    send(page, "Create incident note")
    expect(fact(page, "Content")).to_have_text("The runbook: restart the queue")

    page.go_back()
    page.go_back()
    page.get_by_role("link", name="Update incident").click()
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Status").select_option(label="Resolved")
    send(page, "Update incident")
    expect(fact(page, "Status")).to_have_text("resolved")

    page.get_by_role("link", name="Get incident").click()
    send(page, "Get incident")
    expect(fact(page, "Title")).to_have_text("Payments time out")
    expect(fact(page, "Status")).to_have_text("resolved")

    open_form(page, "List incidents", LABEL)
    send(page, "List incidents")
    expect(page.get_by_role("row", name="Payments time out")).to_contain_text("resolved")


def revoke(page: Page) -> None:
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_label("Type “").fill(LABEL)
    page.get_by_role("button", name="Revoke access").click()
    expect(page.get_by_role("heading", name=f"{LABEL} – access revoked")).to_be_visible()
    expect(page.get_by_text("App Registrations")).to_be_visible()
    shoot(page, "receipt")
    page.get_by_role("link", name="Triggers", exact=True).click()
    expect(page.get_by_role("row", name="Incidents at Acme")).not_to_contain_text("Active")
