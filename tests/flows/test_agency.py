"""An agency's life in Chromium: signing up, people, asking a client, losing access and getting it back, support."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, new_page, shoot, start
from tests.flows.clicking import fill_sign_up, sign_in_support
from tests.flows.running import Product, wait_for

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("agency")]


def test_from_signing_up_to_a_first_connection(browser: Browser, product: Product) -> None:
    page, watch = new_page(browser, product)
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    fill_sign_up(page, "erin@studio.example", "Studio Twelve")

    expect(page.get_by_role("heading", name="Connect your first PagerDuty account")).to_be_visible()
    expect(page.locator(".switcher")).to_contain_text("Studio Twelve")
    page.get_by_role("link", name="Connect account").click()
    expect(page.get_by_text("Create and update incidents, add notes")).to_be_visible()
    page.get_by_label("Label").fill("First")
    page.get_by_role("button", name="Continue to PagerDuty").click()
    allow(page)
    expect(page.get_by_text("First is connected.")).to_be_visible()

    page.goto("/settings/workspaces/")
    page.get_by_role("link", name="New workspace").click()
    page.get_by_label("Name").fill("Globex")
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_role("heading", name="Connect your first PagerDuty account")).to_be_visible()
    page.locator(".switcher summary").click()
    page.get_by_role("button", name="All workspaces").click()
    expect(page.get_by_role("link", name="First")).to_be_visible()
    page.context.close()
    assert watch.complaints == []


def test_a_client_connects_in_a_browser_of_their_own_while_the_agency_watches(
    browser: Browser, product: Product, page: Page
) -> None:
    page.get_by_role("link", name="Invite client").click()
    page.get_by_label("Label").fill("Asked")
    page.get_by_label("Client’s email address").fill("dana@acme.example")
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_role("heading", name="Link opened")).to_be_visible()
    link = page.get_by_label("Link (expires").input_value()

    theirs, watch = new_page(browser, product)
    theirs.goto(link)
    expect(
        theirs.get_by_role("heading", name="Demo Agency wants to connect to your PagerDuty")
    ).to_be_visible()
    assert "link=" not in theirs.url
    shoot(theirs, "client-link")
    expect(page.locator("li.done", has_text="Link opened")).to_be_visible()
    shoot(page, "client-link-progress")
    theirs.get_by_role("button", name="Continue to PagerDuty").click()
    allow(theirs)
    expect(theirs.get_by_role("heading", name="PagerDuty is connected")).to_be_visible()

    # The agency's page notices by itself.
    expect(page.locator(".head .badge")).to_have_text("Active")
    expect(page.get_by_text("dana@acme.example (client link)").first).to_be_visible()
    theirs.goto(link)
    expect(theirs.get_by_role("heading", name="This link has already been used")).to_be_visible()
    theirs.context.close()
    assert watch.complaints == []


def test_losing_access_is_a_banner_everywhere_and_a_mail_until_it_is_reconnected(
    page: Page, product: Product
) -> None:
    start(page, "Fragile")
    allow(page)
    product.sandbox.tokens.revoke(account="PACME01")
    page.get_by_role("button", name="Test connection").click()

    expect(page.locator(".head .badge")).to_have_text("Reconnection needed")
    page.goto("/settings/workspaces/")
    banner = page.get_by_role("alert").filter(has_text="needs to be reconnected").filter(has_text="Fragile")
    expect(banner).to_be_visible()
    expect(page.locator("nav .count")).to_be_visible()
    shoot(page, "reconnection-needed")
    wait_for("the mail", lambda: "Reconnection needed: Fragile" in product.mails())

    banner.get_by_role("link", name="Fragile").click()
    page.get_by_role("button", name="Reconnect").click()
    allow(page)
    expect(page.get_by_text("Fragile is connected.")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="Fragile")).to_have_count(0)


def test_an_invited_member_works_but_manages_nobody(browser: Browser, product: Product, page: Page) -> None:
    page.goto("/settings/people/")
    page.get_by_label("Email address").fill("mel@agency.example")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("mel@agency.example invited.")).to_be_visible()
    shoot(page, "people")
    page.get_by_text("Copy invitation link").click()
    link = page.get_by_label("Invitation link of mel@agency.example").input_value()

    mel, watch = new_page(browser, product)
    mel.goto(link)
    mel.get_by_role("link", name="Sign up and join").click()
    fill_sign_up(mel, "mel@agency.example")
    mel.goto("/settings/connections/")
    expect(mel.get_by_role("link", name="Add connection")).to_be_visible()
    expect(mel.get_by_role("navigation", name="Main")).not_to_contain_text("Team")
    for path in ("/settings/people/", "/settings/api-keys/", "/settings/audit/"):
        mel.goto(path)
        expect(mel.get_by_role("heading", name="Admin access required")).to_be_visible()
    mel.context.close()
    assert watch.complaints == []


def test_an_api_key_is_shown_once(page: Page, product: Product) -> None:
    page.goto("/settings/api-keys/")
    page.get_by_role("link", name="Create API key").first.click()
    page.get_by_label("Name").fill("Reporting")
    page.get_by_label("View connections").check()
    page.get_by_role("button", name="Create key").click()
    key = page.get_by_label("API key").input_value()
    page.get_by_role("link", name="Done").click()

    assert re.fullmatch(r"tj_[0-9a-f]{12}_[0-9a-f]+", key)
    assert product.api(key, "GET", "connections/").status_code == 200
    assert key not in page.content()


def test_the_audit_says_who_did_what_and_is_downloaded(page: Page) -> None:
    page.goto("/settings/audit/")
    page.get_by_label("Action").select_option(label="Connected")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr").first).to_contain_text("127.0.0.1")
    shoot(page, "audit")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("Time (UTC),Actor,")
    assert "connection.connected" in text


def test_support_revokes_in_the_admin(
    browser: Browser, product: Product, page: Page, seed: dict[str, Any]
) -> None:
    start(page, "To be revoked by support")
    allow(page)

    staff, watch = new_page(browser, product)
    sign_in_support(staff, product)
    staff.goto("/admin/connections/connection/?q=To+be+revoked+by+support")
    staff.locator("input.action-select").first.check()
    staff.get_by_label("Action:").select_option(label="Revoke…")
    staff.get_by_role("button", name="Go").click()
    expect(staff.get_by_role("heading", name="Revoke To be revoked by support?")).to_be_visible()
    staff.get_by_role("button", name="Revoke permanently").click()
    expect(staff.locator(".messagelist")).to_contain_text("revoked")
    staff.context.close()
    assert watch.complaints == []

    page.reload()
    expect(page.locator(".head .badge")).to_have_text("Revoked")
    expect(page.get_by_text("sam@support.example").first).to_be_visible()


def test_signing_in_again_leads_back_to_what_was_wanted(
    browser: Browser, product: Product, seed: dict[str, Any]
) -> None:
    page, watch = new_page(browser, product)
    page.goto(f"/settings/connections/{seed['connection']}/")
    page.get_by_label("Email").fill(seed["email"])
    page.get_by_label("Password", exact=True).fill(seed["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Acme's PagerDuty")).to_be_visible()
    page.locator(".person summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/settings/connections/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.close()
    assert watch.complaints == []
