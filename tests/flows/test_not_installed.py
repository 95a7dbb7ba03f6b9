"""A public app that is not installed in the client's account, in Chromium: from the address to the connection."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, hindrances, new_page, start
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("not installed")]
APP = "PAPP1"
ADDRESS = f"https://app.pagerduty.com/oauth_apps/{APP}"
TITLE = "The app is not installed in this PagerDuty account"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product as the owner of a public scoped app."""
    running = Product(Path(tmp_path_factory.mktemp("product")))
    running.env |= {"PAGERDUTY_APP_ID": APP}
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _removed(page: Page, product: Product) -> None:
    """The account acme does not have the app."""
    on_the_page_of_the_app(page, product, "Remove from acme", "Not installed")
    page.goto("/settings/connections/")


def on_the_page_of_the_app(page: Page, product: Product, button: str, then: str) -> None:
    """What the account's admin does at PagerDuty; the sandbox has that page at the same path."""
    page.goto(f"{product.theirs.url}/oauth_apps/{APP}")
    row = page.get_by_role("row", name="acme")
    if row.get_by_role("button", name=button).count():
        row.get_by_role("button", name=button).click()
    expect(row.get_by_role("cell", name=then, exact=True)).to_be_visible()


def test_the_agency_is_told_the_address_before_and_after_and_connects_once_it_is_installed(
    page: Page, product: Product
) -> None:
    page.get_by_role("link", name="Add connection").click()
    before = page.locator(".notice", has_text="Required once per PagerDuty account")
    expect(before.get_by_role("link", name=ADDRESS)).to_have_attribute("href", ADDRESS)
    start(page, "Without the app")
    allow(page)

    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.get_by_text(f"An admin of the PagerDuty account acme opens {ADDRESS}")).to_be_visible()
    expect(page.get_by_role("link", name=ADDRESS)).to_have_attribute("href", ADDRESS)
    assert hindrances(page) == []
    beside = page.context.new_page()
    beside.goto("/settings/connections/")
    expect(beside.get_by_role("row", name="Without the app").get_by_text("Pending")).to_be_visible()

    on_the_page_of_the_app(beside, product, "Install in acme", "Installed")
    page.get_by_role("button", name="Try again").click()
    allow(page)
    expect(page.get_by_text("Without the app is connected.")).to_be_visible()
    expect(page.locator("ul.scopes li.yes")).to_have_count(6)


def test_a_client_with_a_link_is_told_the_same_and_the_agency_sees_why_it_waits(
    browser: Browser, page: Page, product: Product
) -> None:
    page.get_by_role("link", name="Invite client").click()
    page.get_by_label("Label").fill("Asked")
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link (expires").input_value()

    theirs, watch = new_page(browser, product)
    theirs.goto(link)
    expect(theirs.locator(".notice").get_by_role("link", name=ADDRESS)).to_be_visible()
    theirs.get_by_role("button", name="Continue to PagerDuty").click()
    allow(theirs)
    expect(theirs.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(theirs.get_by_text(f"An admin of the PagerDuty account acme opens {ADDRESS}")).to_be_visible()
    assert hindrances(theirs) == []
    expect(
        page.get_by_text("Client signed in, but the app is not installed in that account.")
    ).to_be_visible()

    on_the_page_of_the_app(page.context.new_page(), product, "Install in acme", "Installed")
    theirs.get_by_role("link", name="Back to the request").click()
    theirs.get_by_role("button", name="Continue to PagerDuty").click()
    allow(theirs)
    expect(theirs.get_by_role("heading", name="PagerDuty is connected")).to_be_visible()
    expect(page.locator(".head .badge")).to_have_text("Active")
    theirs.context.close()
    assert watch.complaints == []
