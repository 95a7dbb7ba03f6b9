"""The sandbox's pages in Chromium: faults, webhooks, incidents, and who is offered at the consent."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, hindrances, new_page, start, too_wide
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("sandbox-pages")]


@pytest.fixture(params=[("light", 1440), ("dark", 360)], ids=["wide", "phone"])
def theirs(request: pytest.FixtureRequest, browser: Browser, product: Product) -> Iterator[Page]:
    """A window on the sandbox, which begins without faults."""
    scheme, width = request.param
    page, watch = new_page(
        browser,
        product,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        base_url=product.theirs.url,
    )
    product.sandbox.faults.clear()
    yield page
    product.sandbox.faults.clear()
    page.context.close()
    assert watch.complaints == []


def usable(page: Page, name: str) -> None:
    """By everybody, in a window of any size."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if folder := os.environ.get("LOOK"):
        page.screenshot(
            path=Path(folder) / f"{name}-{page.viewport_size and page.viewport_size['width']}.png",
            full_page=True,
        )
    assert hindrances(page) == []
    assert too_wide(page) <= 0


def test_faults_are_set_by_a_click_and_cleared(theirs: Page, product: Product) -> None:
    theirs.goto("/")
    theirs.get_by_role("link", name="Faults").click()
    expect(theirs.get_by_text("PagerDuty works normally")).to_be_visible()
    theirs.get_by_label("Requests to affect").select_option(label="Add note")
    theirs.get_by_label("Repeat").select_option(label="Once")
    theirs.get_by_role("button", name="Rate limited").click()
    theirs.get_by_role("button", name="Fail with invalid_scope").click()

    expect(theirs.get_by_role("link", name="Faults (2 active)")).to_be_visible()
    expect(theirs.get_by_role("row", name="rate_limit").get_by_role("cell")).to_have_text(
        ["rate_limit", "POST /notes$", "1", "0"]
    )
    expect(theirs.get_by_text("Each authorization fails with invalid_scope")).to_be_visible()
    usable(theirs, "faults")
    theirs.get_by_role("button", name="Clear all").click()
    expect(theirs.get_by_text("PagerDuty works normally")).to_be_visible()
    assert product.sandbox.faults.in_force() == 0


def test_a_webhook_of_one_team_for_two_event_types(theirs: Page, product: Product) -> None:
    theirs.goto("/app/acme/webhooks")
    service, team = theirs.get_by_label("Service", exact=True), theirs.get_by_label("Team", exact=True)
    expect(service).to_be_hidden()
    theirs.get_by_label("Scope Type").select_option(label="Service")
    expect(service).to_be_visible()
    theirs.get_by_label("Scope Type").select_option(label="Team")
    expect(service).to_be_hidden()
    team.select_option(label="Shop")
    types = theirs.get_by_role("group", name="Event Subscription").get_by_role("checkbox")
    for box in types.all():
        box.uncheck()
    theirs.get_by_label("Webhook URL").fill("http://127.0.0.1:9/hook")
    theirs.get_by_role("button", name="Add Webhook").click()
    expect(theirs.get_by_role("alert")).to_contain_text("tick at least one event type")
    expect(team).to_have_value("PTEAM01")
    for kind in ("incident.triggered", "incident.resolved"):
        theirs.get_by_label(kind).check()
    theirs.get_by_role("button", name="Add Webhook").click()

    expect(theirs.get_by_role("status")).to_contain_text("Copy your signing secret")
    row = theirs.get_by_role("row", name="Team: Shop")
    expect(row.get_by_role("cell").nth(2)).to_have_text("incident.triggeredincident.resolved")
    expect(row.get_by_role("button", name="Enable")).to_have_count(0)
    usable(theirs, "webhooks")
    (made,) = product.sandbox.store.all("subscription")
    product.sandbox.store.put("subscription", made["id"], made | {"disabled_until": 4e9})
    theirs.goto("/app/acme/webhooks")
    expect(row).to_contain_text("Temporarily disabled")
    row.get_by_role("button", name="Enable").click()
    expect(row).to_contain_text("Enabled")
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_incidents_are_filtered_by_service_and_urgency(theirs: Page) -> None:
    for title, service, urgency in (
        ("One", "Payments", "high"),
        ("Two", "Payments", "low"),
        ("Three", "Search", "low"),
    ):
        theirs.goto("/app/umbrella-eu/incidents")
        theirs.get_by_label("Title").fill(title)
        theirs.get_by_label("Service").select_option(label=service)
        theirs.get_by_label("Urgency").select_option(label=urgency)
        theirs.get_by_role("button", name="Create incident").click()
    theirs.get_by_role("link", name="Incidents", exact=True).click()
    filters = theirs.get_by_role("navigation", name="Filter")
    filters.get_by_role("link", name="Payments").click()
    expect(theirs.get_by_role("cell", name="Three")).to_have_count(0)
    filters.get_by_role("link", name="Low").click()

    expect(theirs.get_by_role("cell", name="One")).to_have_count(0)
    expect(theirs.get_by_role("cell", name="Two").first).to_be_visible()
    usable(theirs, "incidents")
    filters.get_by_role("link", name="All").first.click()
    expect(theirs.get_by_role("cell", name="Three").first).to_be_visible()


def test_a_newcomer_is_not_offered_the_account_of_the_demo(
    page: Page, product: Product, seed: dict[str, Any]
) -> None:
    start(page, "By hand")
    chosen = page.get_by_label("Sign in as").locator("option:checked")
    expect(chosen).to_have_text("Dana Rivera (dana@globex.example)")
    usable(page, "consent")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("By hand is connected.")).to_be_visible()

    # Asked again, PagerDuty knows who is signed in.
    page.get_by_role("button", name="Reconnect").click()
    expect(chosen).to_have_text("Dana Rivera (dana@globex.example)")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("globex · US")).to_be_visible()
    connection = product.api(seed["api_key"], "GET", f"connections/{seed['connection']}/").json()
    assert connection["external_account_name"] == "acme"
