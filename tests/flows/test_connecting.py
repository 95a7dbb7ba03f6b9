"""Connections in Chromium: connect by clicking through consent, the other endings, revoke."""

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, start
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("connecting")]


def test_connecting_shows_what_was_granted_and_a_reload_of_the_callback_changes_nothing(page: Page) -> None:
    start(page, "By hand")
    with page.expect_request(lambda request: "/callback/" in request.url) as callback:
        allow(page)

    expect(page.get_by_text("By hand is connected.")).to_be_visible()
    expect(page.locator("ul.scopes li.yes")).to_have_count(6)
    page.goto(callback.value.url)
    expect(page.get_by_role("heading", name="Sign-in link expired")).to_be_visible()
    page.get_by_role("link", name="Back to connections").click()
    expect(page.get_by_role("row", name="By hand").get_by_text("active", exact=False)).to_be_visible()


def test_saying_no_ends_on_a_page_that_says_so_and_offers_another_try(page: Page) -> None:
    start(page, "Refused")
    page.get_by_role("button", name="Deny").click()

    expect(page.get_by_role("heading", name="Access was not granted")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    allow(page)
    expect(page.get_by_text("Refused is connected.")).to_be_visible()


def test_fewer_permissions_are_named_and_none_connects_nothing(page: Page, product: Product) -> None:
    product.sandbox.faults.scopes = ["openid", "incidents.read", "services.read"]
    start(page, "Partly")
    allow(page)
    expect(page.get_by_role("alert")).to_contain_text("granted only some permissions")
    expect(page.locator("ul.scopes li.no")).to_have_count(4)

    product.sandbox.faults.scopes = ["openid"]
    start(page, "Nothing")
    allow(page)
    product.sandbox.faults.scopes = None
    expect(page.get_by_role("heading", name="No permission was granted")).to_be_visible()


def test_another_account_is_only_taken_after_a_confirmation(page: Page) -> None:
    start(page, "Moving")
    allow(page)
    page.get_by_role("button", name="Reconnect").click()
    allow(page, account="globex")

    expect(page.get_by_role("heading", name="different PagerDuty account")).to_be_visible()
    expect(page.get_by_text("globex (US")).to_be_visible()
    page.get_by_role("button", name="Switch to the new account").click()
    allow(page, account="globex")
    expect(page.get_by_text("globex · US")).to_be_visible()


def test_checking_and_revoking_ends_with_a_receipt(page: Page) -> None:
    start(page, "Over")
    allow(page)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connection works.")).to_be_visible()

    page.get_by_role("link", name="Revoke…").click()
    page.get_by_label("Type “").fill("Something else")
    page.get_by_role("button", name="Revoke access").click()
    expect(page.get_by_text("Doesn’t match")).to_be_visible()
    page.get_by_label("Type “").fill("Over")
    page.get_by_role("button", name="Revoke access").click()
    expect(page.get_by_role("heading", name="Over – access revoked")).to_be_visible()
    expect(page.get_by_text("App Registrations")).to_be_visible()
    expect(page.get_by_text("demo@taskjuice.example, from 127.0.0.1")).to_be_visible()
    page.get_by_role("link", name="Back to connections").click()
    expect(page.get_by_role("row", name="Over").get_by_text("revoked", exact=False)).to_be_visible()


def test_a_revocation_is_proved_once_the_app_is_removed_in_pagerduty(page: Page) -> None:
    for label in ("Witness", "Proved"):
        page.goto("/settings/connections/add/")
        page.get_by_label("Label").fill(label)
        page.get_by_label("Prove a revocation").check()
        page.get_by_role("button", name="Continue to PagerDuty").click()
        allow(page)

    page.get_by_role("link", name="Revoke…").click()
    page.get_by_label("Type “").fill("Proved")
    page.get_by_role("button", name="Revoke access").click()
    expect(page.get_by_text("PagerDuty still held the authorization when asked")).to_be_visible()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Open in PagerDuty").click()
    theirs = popup.value.get_by_role("listitem").filter(has_text="oauth_delegations.read")
    expect(theirs).to_have_count(2)
    theirs.last.get_by_role("button", name="Remove").click()
    expect(theirs).to_have_count(1)

    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("PagerDuty no longer holds the authorization")).to_be_visible()
