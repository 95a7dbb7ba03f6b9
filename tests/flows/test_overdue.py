"""By clicking: when a P1 is not acknowledged in time, escalate, add the on-call of another team, tell people."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, allow, hindrances, new_page
from tests.flows.clicking import DANA, add_webhook, fact, fill_sign_up, open_run
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("triggers")]
ACCOUNT = "PACME01"
TITLE = "Nobody answers"


def test_a_p1_that_is_not_acknowledged_is_escalated(browser: Browser, product: Product) -> None:
    page, watch = new_page(browser, product, viewport={"width": 1280, "height": 860})
    page.goto("/accounts/signup/")
    fill_sign_up(page, "olga@overdue.example", "Overdue")
    connect(page)
    webhook = add_webhook(page, product, make_trigger(page))
    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    product.sandbox.ping(webhook)
    expect(page.locator("#badge")).to_have_text("Active")
    begin_workflow(page)
    add_steps(page)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is published")).to_be_visible()

    incident, other = (open_incident(product, priority) for priority in ("PPRIO01", "PPRIO03"))
    open_run(page, TITLE)
    expect(page.locator("#state")).to_contain_text("Run succeeded.", timeout=30_000)
    page.context.close()
    assert watch.complaints == []
    seen_at_pagerduty(product, incident, other)


def connect(page: Page) -> None:
    page.goto("/settings/connections/add/")
    page.get_by_label("Label").fill("Acme's PagerDuty")
    page.get_by_label("Choose priorities").check()
    assert hindrances(page) == []
    page.get_by_role("button", name="Continue to PagerDuty").click()
    allow(page)


def make_trigger(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Triggers", exact=True).click()
    page.get_by_role("link", name="Create trigger").first.click()
    page.get_by_label("Incident not acknowledged").check()
    page.get_by_label("Name").fill("Late")
    page.get_by_role("button", name="Create trigger").click()
    page.get_by_label("Minutes").fill("10")
    page.get_by_label("P1", exact=True).check()
    assert hindrances(page) == []
    page.get_by_role("button", name="Create trigger").click()
    expect(fact(page, "Options")).to_contain_text("P1")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address: str = page.evaluate("navigator.clipboard.readText()")
    return address


def begin_workflow(page: Page) -> None:
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("link", name="Create workflow").last.click()
    page.get_by_label("Trigger").select_option(index=1)
    page.get_by_label("Name").fill("Wake somebody up")
    page.get_by_role("button", name="Create workflow").click()


def add_steps(page: Page) -> None:
    open_step(page, "Update incident")
    insert(page, "Incident ID", of="Late", into="Incident ID")
    page.get_by_label("Escalation level").fill("2")
    save(page)
    open_step(page, "Get on-call user")
    page.get_by_label("Step name").fill("Database team")
    page.get_by_label("Schedule").select_option(label="Weekend on call")
    save(page)
    open_step(page, "Add responders")
    insert(page, "Incident ID", of="Late", into="Incident ID")
    page.get_by_label("Message").fill("Nobody has acknowledged this.")
    insert(page, "First user on call ID", of="Database team", into="Users")
    save(page)
    open_step(page, "Publish status update")
    insert(page, "Incident ID", of="Late", into="Incident ID")
    page.get_by_label("Message").fill("Overdue: ")
    insert(page, "Incident title", of="Late", into="Message")
    save(page)


def open_step(page: Page, action: str) -> None:
    page.get_by_role("link", name="Add step").click()
    page.get_by_role("link", name=action, exact=True).click()
    expect(page.get_by_role("heading", name=action, level=1)).to_be_visible()
    if page.get_by_label("From").count():
        page.get_by_label("From").select_option(label=DANA)


def insert(page: Page, name: str, *, of: str, into: str) -> None:
    """The field of the trigger or step called `of`, whose fields may be folded away."""
    page.get_by_label(into, exact=True).press("End")
    source = page.locator("details").filter(has=page.get_by_text(of, exact=True)).first
    if source.get_attribute("open") is None:
        source.locator("summary").press("Enter")
        expect(source).to_have_attribute("open", "")
    source.get_by_role("button", name=name, exact=True).press("Enter")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save step").last.click()
    expect(page.get_by_role("link", name="Add step")).to_be_visible()


def open_incident(product: Product, priority: str) -> str:
    """Eleven minutes ago, so that its delivery comes late and the ten minutes have passed."""
    wanted = {
        "type": "incident",
        "title": TITLE,
        "service": {"id": "PSVC00"},
        "priority": {"id": priority, "type": "priority_reference"},
    }
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=11)):
        made = product.sandbox.incidents.open(ACCOUNT, product.sandbox.person(ACCOUNT), wanted)
    return str(made["id"])


def seen_at_pagerduty(product: Product, incident: str, other: str) -> None:
    """The P1 alone: on level 2, the on-call of the other schedule asked, one status update."""
    found, untouched = (product.sandbox.incidents.get(ACCOUNT, one) for one in (incident, other))
    assert [one["assignee"]["summary"] for one in found["assignments"]] == ["Eli Novak"]
    assert [one["user"]["summary"] for one in found["incidents_responders"]] == ["Eli Novak"]
    said = [
        (row["path"].rpartition("/")[2], row["status"])
        for row in product.sandbox.requests
        if row["method"] in ("PUT", "POST") and "/incidents/" in row["path"]
    ]
    assert said == [(incident, 200), ("responder_requests", 200), ("status_updates", 200)]
    assert [one["assignee"]["summary"] for one in untouched["assignments"]] == ["Dana Rivera"]
