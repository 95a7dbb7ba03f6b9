"""In a browser: steps are dragged, filters inserted, and a draft that was never published runs for real once."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.browsing import IN_CHROMIUM, hindrances
from tests.flows.running import Product

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("product")]
KEY = "pagerduty/incident-triggered"
NAMES = ["Alpha", "Beta", "Gamma"]


def test_drag_insert_and_run_for_real(page: Page, product: Product, seed: dict[str, Any]) -> None:
    service = product.sandbox.store.all("service")[0]["id"]
    steps = [
        {
            "key": name.lower(),
            "name": name,
            "connection": seed["connection"],
            "action": "pagerduty/create-incident",
            "input": {"from": "dana@acme.example", "service_id": service, "title": f"{name} of a test"},
        }
        for name in NAMES
    ]
    body = {"name": "Three", "trigger": seed["triggers"][KEY]["id"], "steps": steps}
    workflow = product.api(seed["api_key"], "POST", "workflows/", body).json()["id"]
    # High enough that nothing scrolls in the middle of a drag.
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.goto(f"/workflows/{workflow}/edit/")

    drag(page, "Alpha", onto="Gamma", below=True)
    expect(headings(page)).to_have_text([re.compile(name) for name in ("Beta", "Gamma", "Alpha")])
    drag(page, "Alpha", onto="Beta", below=False)
    expect(headings(page)).to_have_text([re.compile(name) for name in NAMES])

    page.get_by_role("link", name="Edit Alpha").click()
    title = page.get_by_label("Title")
    title.fill("{{ trigger.incident.title }}")
    page.locator("#filters summary").focus()
    page.keyboard.press("Enter")
    page.locator("#filters").get_by_role("button", name="upcase").press("Enter")
    expect(title).to_have_value("{{ trigger.incident.title | upcase }}")
    assert hindrances(page) == []
    page.get_by_role("button", name="Save step").last.click()

    page.get_by_role("link", name="Dry run").click()
    page.get_by_role("link", name="Run test").click()
    expect(page.get_by_text("CHECKOUT ANSWERS SLOWLY")).to_be_visible()
    assert hindrances(page) == []
    page.get_by_role("button", name="Run test").click()
    expect(page.locator("#state")).to_contain_text("Run succeeded.", timeout=30_000)
    expect(page.get_by_text("Test run")).to_be_visible()
    assert hindrances(page) == []


def headings(page: Page) -> Locator:
    return page.locator("[data-step] h2")


def drag(page: Page, name: str, *, onto: str, below: bool) -> None:
    step = page.locator("[data-step]").filter(has=page.get_by_role("heading", name=onto))
    box = step.bounding_box()
    assert box is not None
    place = {"x": 400, "y": box["height"] - 8 if below else 4}
    dragged = page.locator("[data-step]").filter(has=page.get_by_role("heading", name=name))
    dragged.drag_to(step, source_position={"x": 400, "y": 10}, target_position=place)  # type: ignore[arg-type]
    expect(page.get_by_text(f"{name} is moved.").last).to_be_visible()
