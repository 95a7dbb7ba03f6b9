"""A person who has never programmed builds, tests, publishes and watches a workflow, with pictures for docs/."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, new_page, shoot, start
from tests.flows.clicking import DANA, add_webhook, fill_sign_up, make_trigger, open_run
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("workflow")]
LABEL = "Acme's PagerDuty"
NAME = "Payments runbook"


def test_a_workflow_from_nothing_to_its_replay(browser: Browser, product: Product) -> None:
    page, watch = new_page(browser, product, viewport={"width": 1280, "height": 860})
    page.goto("/accounts/signup/")
    fill_sign_up(page, "wanda@westwind.example", "Westwind")
    start(page, LABEL)
    allow(page)
    webhook = add_webhook(page, product, make_trigger(page, "Incidents at Acme"))
    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    product.sandbox.ping(webhook)
    expect(page.locator("#badge")).to_have_text("Active")

    build(page)
    rehearse(page)
    publish(page)
    run = watch_a_run(page, product, "Cards are declined")
    see_what_came_of_it(page, product, "Cards are declined")
    break_and_mend(page, product)
    page.goto(run)
    page.get_by_role("link", name="Run again from start…").click()
    expect(page.get_by_text("Completed steps run a second time")).to_be_visible()
    page.get_by_role("button", name="Run again from start").click()
    expect(page.get_by_text("replay 1")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("Run succeeded.")
    page.context.close()
    assert watch.complaints == []


def build(page: Page) -> None:
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("link", name="Create workflow").last.click()
    page.get_by_label("Trigger").select_option(index=1)
    page.get_by_label("Name").fill(NAME)
    page.get_by_role("button", name="Create workflow").click()

    page.get_by_role("link", name="Add filter").click()
    fill_condition(page, 1, "Service name", "is", "Payments")
    page.get_by_role("button", name="Add condition").click()
    fill_condition(page, 2, "Incident urgency", "is", "hihg")
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_label("Value").nth(1)).to_have_accessible_description(re.compile("Did you mean high"))
    fill_condition(page, 2, "Incident urgency", "is", "high")
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_text("Incident urgency is high")).to_be_visible()

    open_step(page, "Create incident note")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Incident ID").focus()
    insert(page, "Incident ID")
    page.get_by_label("Note").fill("The runbook of ")
    insert(page, "Incident title")
    expect(page.locator("#preview")).to_contain_text("The runbook of Checkout answers slowly")
    shoot(page, "workflow-step")
    page.get_by_role("button", name="Save step").click()

    open_step(page, "Create incident")
    page.get_by_label("Step name").fill("Follow-up")
    page.get_by_label("From").select_option(label=DANA)
    page.get_by_label("Service").select_option(label="Internal tools")
    page.get_by_label("Title").fill("Follow-up of ")
    insert(page, "Incident title")
    page.get_by_role("button", name="Save step").click()
    expect(page.get_by_role("heading", name="Follow-up")).to_be_visible()
    shoot(page, "workflow-editor")


def fill_condition(page: Page, number: int, field: str, comparison: str, value: str) -> None:
    row = page.get_by_role("group", name=f"Condition {number}")
    option = row.get_by_label("Field").locator("option").filter(has_text=field).first
    row.get_by_label("Field").select_option(value=option.get_attribute("value"))
    row.get_by_label("Operator").select_option(label=comparison)
    row.get_by_label("Value").fill(value)


def open_step(page: Page, action: str) -> None:
    page.get_by_role("link", name="Add step").click()
    page.get_by_role("link", name=action, exact=True).click()
    expect(page.get_by_role("heading", name=action, level=1)).to_be_visible()


def insert(page: Page, name: str) -> None:
    """Of the trigger's fields, which are folded away where there are steps before."""
    source = page.locator("details").filter(has=page.get_by_text("Incidents at Acme", exact=True))
    if source.get_attribute("open") is None:
        # By the keyboard: the preview above may grow between a mouse's down and its up.
        source.locator("summary").press("Enter")
        expect(source).to_have_attribute("open", "")
    source.get_by_role("button", name=name, exact=True).click()


def rehearse(page: Page) -> None:
    page.get_by_role("link", name="Dry run").click()
    expect(page.locator("#verdict")).to_contain_text("All fields resolve")
    expect(page.get_by_text("Follow-up of Checkout answers slowly")).to_be_visible()
    shoot(page, "workflow-dry-test")
    page.get_by_role("link", name=f"← {NAME}").click()


def publish(page: Page) -> None:
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is published")).to_be_visible()


def open_incident(page: Page, product: Product, title: str) -> None:
    """In PagerDuty, on Payments."""
    theirs = page.context.new_page()
    theirs.goto(f"{product.theirs.url}/app/acme/incidents")
    theirs.get_by_label("Title").fill(title)
    theirs.get_by_label("Service").select_option(label="Payments")
    theirs.get_by_role("button", name="Create incident").click()
    expect(theirs.get_by_text(title).first).to_be_visible()
    theirs.close()
    page.bring_to_front()


def watch_a_run(page: Page, product: Product, title: str) -> str:
    open_incident(page, product, title)
    run = open_run(page, title)
    # Without loading it again: the page follows by itself.
    expect(page.locator("#state")).to_contain_text("Run succeeded.", timeout=30_000)
    expect(page.get_by_text(f"Follow-up of {title}").first).to_be_visible()
    shoot(page, "run")
    return run


def see_what_came_of_it(page: Page, product: Product, title: str) -> None:
    theirs = page.context.new_page()
    theirs.goto(f"{product.theirs.url}/app/acme/incidents")
    follow_up = theirs.get_by_role("row").filter(has_text=f"Follow-up of {title}")
    expect(follow_up).to_contain_text("Internal tools")
    theirs.get_by_role("row").filter(has_not_text="Follow-up").get_by_role("link", name=title).click()
    expect(theirs.get_by_text(f"The runbook of {title}")).to_be_visible()
    theirs.close()


def break_and_mend(page: Page, product: Product) -> None:
    """The client takes the authorisation away; what happens meanwhile waits, and goes on by itself."""
    product.sandbox.tokens.revoke(account="PACME01")
    open_incident(page, product, "Refunds hang")
    run = open_run(page, "Refunds hang")
    waits = "Waiting for connection Acme's PagerDuty to be reconnected"
    expect(page.locator("#state")).to_contain_text(waits, timeout=30_000)
    page.goto("/runs/?status=reconnect")
    expect(page.get_by_role("row", name="Refunds hang")).to_contain_text(waits)
    page.get_by_role("row", name="Refunds hang").get_by_role("link", name=LABEL).click()
    page.get_by_role("button", name="Reconnect").first.click()
    allow(page)
    expect(page.get_by_text(f"{LABEL} is connected.")).to_be_visible()
    page.goto(run)
    expect(page.locator("#state")).to_contain_text("Run succeeded.", timeout=30_000)
