"""A trigger that sets up its webhook by itself, in Chromium, with the real workers and the running sandbox."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, hindrances, shoot, too_wide
from tests.flows.running import Product, wait_for
from tests.flows.test_trigger_setup import open_incident, see_again

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("webhooks")]


def webhooks(product: Product) -> list[dict[str, Any]]:
    """Those in PagerDuty that TaskJuice has made."""
    rows = product.sandbox.store.all("subscription")
    return [row for row in rows if row["description"].startswith("Made by TaskJuice")]


def test_from_a_ticked_box_to_a_live_trigger_without_copying_anything(page: Page, product: Product) -> None:
    page.goto("/settings/connections/")
    page.get_by_role("link", name="Add connection").click()
    page.get_by_label("Label").fill("Keeps its webhooks")
    page.get_by_label("Set up webhooks automatically (recommended)").check()
    assert hindrances(page) == []
    page.get_by_role("button", name="Continue to PagerDuty").click()
    allow(page)
    expect(page.locator("ul.scopes li.yes")).to_have_count(8)

    page.get_by_role("link", name="Create trigger").first.click()
    page.get_by_text("Services", exact=True).click()
    page.get_by_label("Service deleted").check()
    assert hindrances(page) == []
    page.get_by_label("Incident triggered").check()
    page.get_by_label("Name").fill("By itself")
    page.get_by_role("button", name="Create trigger").click()
    page.evaluate("window.stillHere = true")
    set_up = page.locator("#set-up")
    expect(page.locator("#badge")).to_have_text("Active", timeout=30_000)
    expect(set_up).to_contain_text("Webhook is active in PagerDuty.", timeout=30_000)
    assert page.evaluate("window.stillHere"), "it went live without a reload"
    assert hindrances(page) == []
    assert too_wide(page) <= 0
    shoot(page, "trigger-by-itself")
    (first,) = webhooks(product)
    assert first["secret"] not in page.content()

    open_incident(product, "The shop is down")
    see_again(page, "The shop is down")

    set_up.get_by_role("button", name="Rotate secret").click()
    expect(page.get_by_text("Rotating secret.")).to_be_visible()
    expect(page.get_by_text("Rotating secret.")).to_have_count(0, timeout=30_000)
    (second,) = webhooks(product)
    assert second["id"] != first["id"]
    open_incident(product, "Signed anew")
    see_again(page, "Signed anew")

    page.get_by_role("link", name="Delete…", exact=True).click()
    expect(page.get_by_text("Its webhook in PagerDuty is removed automatically.")).to_be_visible()
    page.get_by_role("button", name="Delete trigger").click()
    wait_for("the webhook to be removed", lambda: not webhooks(product))


def test_a_trigger_set_up_by_hand_can_be_told_to_do_it_itself(page: Page, product: Product) -> None:
    page.goto("/settings/connections/")
    page.get_by_role("link", name="Keeps its webhooks").click()
    page.get_by_role("link", name="Edit permissions").click()
    box = page.get_by_label("Set up webhooks automatically (recommended)")
    expect(box).to_be_checked()
    box.uncheck()
    page.get_by_role("button", name="Continue to PagerDuty").click()
    allow(page)
    page.get_by_role("link", name="Create trigger").first.click()
    page.get_by_label("Incident resolved").check()
    page.get_by_label("Name").fill("By hand at first")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.get_by_text("Grant webhook permissions to set this up automatically.")).to_be_visible()
    address = page.url

    page.get_by_role("link", name="Reconnect with webhook permissions").click()
    page.get_by_label("Set up webhooks automatically (recommended)").check()
    page.get_by_role("button", name="Continue to PagerDuty").click()
    allow(page)
    page.goto(address)
    page.get_by_role("button", name="Set up automatically").click()
    expect(page.locator("#badge")).to_have_text("Active", timeout=30_000)

    page.goto("/settings/connections/")
    page.get_by_role("link", name="Keeps its webhooks").click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_label("Type “").fill("Keeps its webhooks")
    page.get_by_role("button", name="Revoke access").click()
    expect(page.get_by_text("Webhooks removed at the provider")).to_be_visible()
    assert webhooks(product) == []
