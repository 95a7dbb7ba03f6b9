"""Triggers in Chromium, against the running sandbox: set up by clicking, watched, rotated, paused, deleted."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM
from tests.flows.clicking import add_webhook, make_trigger
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("triggers")]


def open_incident(product: Product, title: str) -> None:
    accounts = product.sandbox.store.all("account")
    account = next(one["id"] for one in accounts if one["subdomain"] == "acme")
    service = product.sandbox.store.all("service", account)[0]["id"]
    wanted = {"type": "incident", "title": title, "service": {"id": service}}
    product.sandbox.incidents.open(account, product.sandbox.person(account), wanted)


def remove_webhook(product: Product, webhook: dict[str, Any]) -> None:
    product.sandbox.store.delete("subscription", webhook["id"])


def steps(page: Page) -> list[str]:
    """The state of each step of the guide."""
    classes = page.locator("ol.steps > li > .state").evaluate_all("all => all.map(one => one.className)")
    return [name.removeprefix("state ") for name in classes]


def see_again(page: Page, words: str) -> None:
    """Reload until a page that does not change by itself shows it."""
    for _ in range(20):
        page.reload()
        if page.locator("main").get_by_text(words).count():
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"never saw {words!r}")


def test_what_somebody_types_survives_a_delivery_that_comes_meanwhile(page: Page, product: Product) -> None:
    address = make_trigger(page, "Typing")
    webhook = add_webhook(page, product, address)
    secret, field = webhook["secret"], page.get_by_role("textbox", name="Signing secret")
    page.evaluate("window.stillHere = true")
    assert steps(page) == ["now", "now", "later", "later", "later"]

    field.press_sequentially(secret[:20])
    product.sandbox.ping(webhook)
    expect(page.get_by_text("1 delivery has arrived and is waiting for the secret.").first).to_be_visible()
    expect(page.locator("#said")).to_contain_text("Paste the signing secret here")
    assert steps(page) == ["done", "done", "now", "later", "later"]
    expect(field).to_have_value(secret[:20])
    expect(field).to_be_focused()
    page.keyboard.type(secret[20:])
    assert page.evaluate("window.stillHere")
    page.keyboard.press("Enter")

    expect(page.get_by_text("1 held delivery was signed with it")).to_be_visible()
    expect(page.locator("#badge")).to_have_text("Active")
    assert secret not in page.content()
    remove_webhook(product, webhook)


def test_a_secret_that_was_copied_wrongly_is_said_and_put_right(page: Page, product: Product) -> None:
    webhook = add_webhook(page, product, make_trigger(page, "Mistyped"))
    product.sandbox.ping(webhook)
    expect(page.get_by_text("waiting for the secret").first).to_be_visible()

    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"][:-1])
    page.get_by_role("button", name="Save secret").click()
    expect(page.locator("#step-secret")).to_contain_text("was not signed with this secret. Copy it again")

    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    expect(page.locator("#badge")).to_have_text("Active")
    remove_webhook(product, webhook)


def test_from_a_new_trigger_to_a_deleted_one(page: Page, product: Product) -> None:
    webhook = add_webhook(page, product, make_trigger(page, "Payments"))
    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    expect(page.get_by_text("Secret saved")).to_be_visible()
    expect(page.locator("#badge")).to_have_text("Awaiting first event")
    page.evaluate("window.stillHere = true")

    product.sandbox.ping(webhook)
    expect(page.locator("#badge")).to_have_text("Active")
    expect(page.locator("#said")).to_have_text("The trigger is active.")
    expect(page.locator("#latest")).to_contain_text("PagerDuty’s test message")
    expect(page.locator("#trigger-facts")).not_to_contain_text("Not yet")
    expect(page.locator("#signing tbody tr td").nth(2)).not_to_have_text("–")
    assert steps(page) == ["done", "done", "done", "done", "now"]
    assert page.evaluate("window.stillHere"), "it went live without a reload"

    page.get_by_role("button", name="Send test event").click()
    row = page.get_by_role("row", name="Checkout answers slowly")
    expect(row).to_contain_text(re.compile("Accepted.*Test", re.DOTALL))
    expect(row).not_to_contain_text("Queued", timeout=20_000)

    open_incident(product, "The shop is down")
    see_again(page, "The shop is down")
    page.get_by_role("link", name="The shop is down").click()
    expect(page.get_by_role("heading", name="The shop is down")).to_be_visible()
    expect(page.get_by_text("Dana Rivera").first).to_be_visible()
    page.get_by_text("Payload (raw)").click()
    expect(page.get_by_label("Payload")).to_contain_text('"title": "The shop is down"')
    page.get_by_role("link", name="← Deliveries to Payments").click()
    page.get_by_label("Status").select_option("ignored")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row", name="pagey.ping")).to_be_visible()
    page.get_by_role("link", name="← Payments").click()

    newer = rotate(page, product, webhook)
    refused_deliveries_warn(page, product)
    pause_and_delete(page, product)
    remove_webhook(product, newer)


def rotate(page: Page, product: Product, old: dict[str, Any]) -> dict[str, Any]:
    """A second webhook, its secret, and the old one out of use."""
    newer = add_webhook(page, product, page.get_by_role("textbox", name="Webhook URL").input_value())
    page.get_by_role("textbox", name="Signing secret").fill(newer["secret"])
    page.get_by_role("button", name="Add secret").click()
    secrets = page.get_by_role("region", name="Table of signing secrets").locator("tbody tr")
    expect(secrets).to_have_count(2)
    expect(secrets.last).to_contain_text("never")
    remove_webhook(product, old)
    open_incident(product, "Signed anew")
    see_again(page, "Signed anew")
    expect(secrets.last).not_to_contain_text("never")

    secrets.first.get_by_role("link", name="Delete…").click()
    expect(page.get_by_text("PagerDuty still uses it")).to_be_visible()
    page.get_by_role("button", name="Delete secret").click()
    expect(page.get_by_text("Secret deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Delete… the secret")).to_have_count(1)
    return newer


def refused_deliveries_warn(page: Page, product: Product) -> None:
    """A webhook whose secret was not pasted: first a warning, then the news that it is disabled."""
    unknown = add_webhook(page, product, page.get_by_role("textbox", name="Webhook URL").input_value())
    product.sandbox.ping(unknown)
    see_again(page, "after 3 rejected deliveries in a row: 1 so far. Check the secret.")
    for _ in range(2):
        product.sandbox.ping(unknown)
    see_again(page, "PagerDuty has probably disabled this webhook")
    expect(page.locator("#latest").get_by_text("Rejected").first).to_be_visible()
    page.get_by_role("link", name="← Triggers").click()
    expect(page.get_by_role("row", name="Payments")).to_contain_text("3 rejected")
    page.get_by_role("link", name="Payments", exact=True).click()
    remove_webhook(product, unknown)


def pause_and_delete(page: Page, product: Product) -> None:
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#badge")).to_have_text("Paused")
    open_incident(product, "While paused")
    see_again(page, "While paused")
    expect(page.get_by_role("row", name="While paused")).to_contain_text("Received while paused")

    page.get_by_role("link", name="Delete…", exact=True).click()
    page.get_by_role("button", name="Delete trigger").click()
    expect(page.get_by_text("Payments deleted.")).to_be_visible()
    expect(page.get_by_role("row", name="Payments")).to_have_count(0)
