"""Options of a trigger, and a trigger that asks by itself, in Chromium against the running product and sandbox."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing import IN_CHROMIUM, hindrances, too_wide
from tests.flows.clicking import add_webhook, fact, make_trigger
from tests.flows.running import Product, wait_for

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("triggers")]
ROTATION = "PSCHED02"


def control(product: Product, path: str, body: dict[str, Any]) -> Any:
    answer = product.http.post(f"{product.theirs.url}/_sandbox/{path}", json=body, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def usable(page: Page) -> None:
    """By everybody, in a window of any size."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert hindrances(page) == []
    assert too_wide(page) <= 0


def events(product: Product) -> list[tuple[str, str, str]]:
    """(type, status, why) of each event of a trigger that was made here, oldest first."""
    rows = product.database.rows(
        "SELECT event_type, e.status, error FROM workflows_event e JOIN workflows_trigger t ON t.id = e.trigger_id"
        " WHERE t.name IN ('Payments only', 'Hand-over') ORDER BY seq"
    )
    return [(kind, status, why) for kind, status, why in rows if kind != "pagey.ping"]


def test_only_the_chosen_service_and_also_what_is_reopened(page: Page, product: Product) -> None:
    webhook = add_webhook(page, product, make_trigger(page, "Payments only"))
    page.get_by_role("textbox", name="Signing secret").fill(webhook["secret"])
    page.get_by_role("button", name="Save secret").click()
    page.locator("dl.facts dt:text-is('Filters') + dd").get_by_role("link", name="Edit filters").click()
    usable(page)
    page.get_by_label("Also when an incident is triggered again").check()
    page.get_by_label("Payments", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(fact(page, "Filters")).to_contain_text("Services: PSVC00")
    expect(page.locator("main")).to_contain_text("incident.reopened")

    for service in ("PSVC01", "PSVC00"):
        made = control(product, "incidents", {"service_id": service, "title": f"Of {service}"})["incidents"][
            0
        ]
    for change in ("acknowledge", "unacknowledge", "resolve", "reopen"):
        control(product, f"incidents/{made}/{change}", {})

    wait_for("all of them", lambda: len(events(product)) == 6 and "queued" not in str(events(product)))
    judged = sorted(events(product))
    assert judged == [
        ("incident.acknowledged", "ignored", ""),
        ("incident.reopened", "done", ""),
        ("incident.resolved", "ignored", ""),
        ("incident.triggered", "done", ""),
        ("incident.triggered", "filtered", "service Checkout is not among the chosen ones"),
        ("incident.unacknowledged", "done", ""),
    ]
    page.reload()
    expect(page.get_by_text("service Checkout is not among the chosen ones")).to_be_visible()
    product.sandbox.store.delete("subscription", webhook["id"])


def test_a_hand_over_is_seen_at_the_moment_it_happens(page: Page, product: Product) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)
    start = (due - timedelta(days=1)).isoformat()
    control(product, f"schedules/{ROTATION}", {"start": start, "turn_seconds": 86_400})
    page.get_by_role("link", name="Triggers", exact=True).click()
    page.get_by_role("link", name="Create trigger").first.click()
    page.get_by_label("On-call changed").check()
    page.get_by_label("Name").fill("Hand-over")
    page.get_by_role("button", name="Create trigger").click()
    usable(page)
    page.get_by_label("Schedule").select_option(label="Daily rotation")
    page.get_by_role("button", name="Create trigger").click()

    expect(page.locator("#badge")).to_have_text("Active", timeout=15_000)
    expect(fact(page, "Polled for")).to_contain_text("Daily rotation")
    expect(fact(page, "Current value")).to_have_text("On call: Dana Rivera")
    usable(page)
    wait_for("the hand-over", lambda: ("schedule.on_call_changed", "done", "") in events(product))

    looked_at, at = product.database.rows("SELECT looked_at, expected_at FROM workflows_watch")[0]
    assert _time(looked_at) - due < timedelta(seconds=30), "not only at the next regular look"
    assert _time(at) == due + timedelta(days=1)
    page.reload()
    expect(page.get_by_role("link", name="Daily rotation: Eli Novak")).to_be_visible()
    expect(fact(page, "Current value")).to_have_text("On call: Eli Novak")


def _time(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
