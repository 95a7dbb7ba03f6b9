"""Pages that everybody can use: axe-core, small and large windows, light and dark, the keyboard alone."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.browsing import IN_CHROMIUM, hindrances, new_page, sign_in, too_wide
from tests.flows.clicking import sign_in_support
from tests.flows.running import Product, wait_for

pytestmark = [*IN_CHROMIUM, pytest.mark.xdist_group("everybody")]

SIGNED_OUT = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/join/",
    "/client/",
    "/not-there/",
]
PAGES = [
    "/settings/connections/",
    "/settings/connections/?status=pending",
    "/settings/connections/add/",
    "/settings/connections/{connection}/",
    "/settings/connections/{connection}/change/",
    "/settings/connections/{connection}/revoke/",
    "/settings/connections/{connection}/audit/",
    "/settings/connections/{connection}/actions/",
    "/settings/connections/{connection}/actions/pagerduty/create-incident/",
    "/settings/connections/{connection}/actions/pagerduty/list-incidents/",
    "/settings/connections/{connection}/calls/",
    "/calls/{call}/",
    "/notifications/",
    "/settings/notifications/",
    "/triggers/",
    "/triggers/add/",
    "/triggers/{trigger}/",
    "/triggers/{trigger}/rename/",
    "/triggers/{trigger}/options/",
    "/triggers/{trigger}/redaction/",
    "/triggers/{trigger}/deliveries/",
    "/triggers/{trigger}/deliveries/{event}/",
    "/triggers/{trigger}/deliveries/{event}/run/{workflow}/",
    "/triggers/{trigger}/delete/",
    "/workflows/",
    "/workflows/add/",
    "/workflows/{workflow}/",
    "/workflows/{workflow}/edit/",
    "/workflows/{workflow}/rename/",
    "/workflows/{workflow}/versions/",
    "/workflows/{workflow}/versions/difference/",
    "/workflows/{workflow}/versions/1/roll-back/",
    "/workflows/import/",
    "/workflows/{workflow}/conditions/",
    "/workflows/{workflow}/rehearsal/",
    "/workflows/{workflow}/add-step/",
    "/workflows/{workflow}/add-step/{connection}/pagerduty/list-incidents/",
    "/workflows/{workflow}/steps/note/",
    "/runs/",
    "/runs/?incident=nothing",
    "/runs/{run}/",
    "/settings/client-links/add/",
    "/settings/people/",
    "/settings/sessions/",
    "/settings/workspaces/",
    "/settings/workspaces/add/",
    "/settings/workspaces/{workspace}/app/",
    "/settings/agency/",
    "/settings/api-keys/",
    "/settings/api-keys/add/",
    "/settings/audit/",
    "/settings/data/",
    "/settings/data/change/",
    "/settings/hooks/",
    "/settings/hooks/add/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/not-there/",
]
ADMIN = [
    "/admin/",
    "/admin/connections/account/",
    "/admin/connections/connection/",
    "/admin/connections/connection/{connection}/change/",
    "/admin/connections/grant/",
    "/admin/connections/auditevent/",
    "/admin/workflows/trigger/{trigger}/change/",
    "/admin/workflows/event/",
    "/admin/workflows/event/{event}/change/",
    "/admin/workflows/run/",
    "/admin/workflows/actioncall/{call}/change/",
    "/admin/django_q/success/",
]
LOOKS = [("light", 1440), ("dark", 360)]


@pytest.fixture
def ids(page: Page, product: Product, seed: dict[str, Any]) -> dict[str, str]:
    """What the pages above are about; made by clicking, so that there is something on each."""
    page.goto(f"/settings/connections/{seed['connection']}/actions/pagerduty/list-services/")
    page.locator("main").get_by_role("button", name="List services").click()
    expect(page.get_by_text("Succeeded")).to_be_visible()
    call = page.url.split("/")[-2]
    trigger = seed["triggers"]["pagerduty/incident-triggered"]["id"]
    workflow = make_workflow(product, seed, trigger)
    page.goto(f"/triggers/{trigger}/")
    page.get_by_role("button", name="Send test event").click()
    page.get_by_role("link", name="Checkout answers slowly").first.click()
    expect(page.get_by_text("Payload (simulated)")).to_be_visible()
    event = page.url.split("/")[-2]
    page.locator(f'a[href$="/run/{workflow}/"]').click()
    page.get_by_role("button", name="Run test").click()
    run = wait_for("the run", lambda: product.api(seed["api_key"], "GET", "runs/").json()["results"])[0]["id"]
    made = {"call": call, "trigger": trigger, "event": event, "workflow": workflow, "run": run}
    return {"connection": seed["connection"], "workspace": seed["workspace"], **made}


def make_workflow(product: Product, seed: dict[str, Any], trigger: str) -> str:
    """Published, with a condition and a step."""
    note = {
        "from": "dana@acme.example",
        "incident_id": "{{ trigger.incident.id }}",
        "content": "Look at the queue",
    }
    step = {
        "connection": seed["connection"],
        "action": "pagerduty/create-incident-note",
        "key": "note",
        "input": note,
    }
    body = {
        "name": "Everybody's",
        "trigger": trigger,
        "publish": True,
        "conditions": {"match": "all", "rows": [["trigger.incident.urgency", "equals", "high"]]},
        "steps": [step],
    }
    made: str = product.api(seed["api_key"], "POST", "workflows/", body).json()["id"]
    return made


@pytest.mark.timeout(400)  # every page of the product, one after the other
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_no_page_hinders_anybody_or_runs_out_of_the_window(
    browser: Browser, product: Product, seed: dict[str, Any], ids: dict[str, str], scheme: Any, width: int
) -> None:
    page, watch = new_page(browser, product, color_scheme=scheme, viewport={"width": width, "height": 900})
    found = {path: faults(page, path) for path in SIGNED_OUT}
    sign_in(page, seed["email"], seed["password"])
    found |= {path: faults(page, path.format(**ids)) for path in PAGES}
    page.context.close()

    assert {path: what for path, what in found.items() if what} == {}
    assert watch.complaints == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_no_page_of_the_admin_hinders_support(
    browser: Browser, product: Product, ids: dict[str, str], scheme: Any, width: int
) -> None:
    page, watch = new_page(browser, product, color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in_support(page, product)
    found = {path: faults(page, path.format(**ids)) for path in ADMIN}
    page.context.close()

    assert {path: what for path, what in found.items() if what} == {}
    assert watch.complaints == []


def faults(page: Page, path: str) -> list[str]:
    page.goto(path)
    wider = too_wide(page)
    return hindrances(page) + ([f"{wider} px too wide"] if wider > 0 else [])


def test_forms_that_were_refused_hinder_nobody_either(page: Page, seed: dict[str, Any]) -> None:
    for path, button in (
        ("/settings/connections/add/", "Continue to PagerDuty"),
        ("/settings/people/", "Invite"),
        ("/settings/api-keys/add/", "Create key"),
        ("/triggers/add/", "Create trigger"),
        (f"/settings/connections/{seed['connection']}/actions/pagerduty/create-incident/", "Create incident"),
    ):
        page.goto(path)
        page.locator("main form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
        page.locator("main").get_by_role("button", name=button).click()
        expect(page.locator(".errorlist").first).to_be_visible()
        assert hindrances(page) == []


def test_the_keyboard_alone_gets_from_the_top_to_switching_the_workspace_and_revoking(
    page: Page, seed: dict[str, Any]
) -> None:
    page.goto(f"/settings/connections/{seed['connection']}/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    assert _reached(page, 5)[-1] == "Revoke…"

    page.goto("/settings/connections/")
    summary = page.locator(".switcher summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Acme", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Acme", exact=True)).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Acme", exact=True).focus()
    page.keyboard.press("Enter")
    expect(summary).to_contain_text("Acme")


def _reached(page: Page, presses: int) -> list[str]:
    """The words of what gets the focus, one after the other; each must show that it has it."""
    words = []
    for _ in range(presses):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return [at.innerText.trim(), style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        assert focus[1] != "none", focus
        assert focus[2] >= 2, focus
        words.append(focus[0])
    return words


def test_the_main_purpose_of_the_pages_needs_no_javascript(
    browser: Browser, product: Product, seed: dict[str, Any]
) -> None:
    page, watch = new_page(browser, product, java_script_enabled=False)
    sign_in(page, seed["email"], seed["password"])
    page.locator(".switcher summary").click()
    page.get_by_role("button", name="Acme", exact=True).click()
    page.get_by_role("link", name="Acme's PagerDuty").click()
    page.get_by_role("button", name="Test connection").click()

    expect(page.get_by_text("Connection works.")).to_be_visible()
    page.context.close()
    assert watch.complaints == []
