"""Clicking through what is kept: how long, the statement of a day, and the fields of a trigger that never are."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM, hindrances, shoot, too_wide

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("data")]


def test_an_owner_says_how_long_data_is_kept_and_which_fields_never_are(
    page: Page, seed: dict[str, Any]
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Data retention").click()
    expect(page.get_by_text("for 90 days")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Days", exact=True).fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("data older than 30 days is permanently deleted")).to_be_visible()
    assert hindrances(page) == []
    page.get_by_label("I understand older data").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("for 30 days")).to_be_visible()
    # Housekeeping has begun the day by now, or does within seconds.
    for _ in range(20):
        page.reload()
        if page.get_by_role("row").count() > 1:
            break
        page.wait_for_timeout(1000)
    expect(page.get_by_role("row")).to_have_count(2)
    assert hindrances(page) == []
    assert too_wide(page) == 0
    shoot(page, "data")

    trigger = seed["triggers"]["pagerduty/incident-triggered"]["id"]
    page.goto(f"/triggers/{trigger}/")
    page.get_by_role("link", name="Edit redacted fields").click()
    shoot(page, "redaction")
    page.get_by_label("event.data.title").check()
    page.get_by_label("Other fields").fill("event.data.id")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("cannot be left out")).to_be_visible()
    assert hindrances(page) == []
    page.get_by_label("Other fields").fill("event.data.body.details")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("event.data.title, event.data.body.details")).to_be_visible()
    page.get_by_role("button", name="Send test event").click()
    expect(page.get_by_text("[redacted]").first).to_be_visible()
