"""Chromium for flow tests: who is signed in, what the pages complain about, and whether everybody can use them."""

import os
import shutil
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, expect

from tests.flows.running import Product

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
IN_CHROMIUM = [
    pytest.mark.flow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="install Chromium (Debian: apt-get install chromium)"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# axe-core, as its PyPI package ships it: nothing is fetched.
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# Without its preloading of stylesheets, which would break the page's policy and be our complaint.
_RULES = {
    "preload": False,
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
}
_SCREENSHOTS = settings.BASE_DIR / "docs" / "screenshots"


class Watch:
    """What a browser complained about: the console, errors of scripts, policy violations, failed requests."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _console(self, line: ConsoleMessage) -> None:
        # A page that answers 4xx is said so on the console; `_answered` decides about those.
        if line.type == "error" and "Failed to load resource" not in line.text:
            self.complaints.append(f"{line.page and line.page.url}: {line.text}")

    def _failed(self, request: Request) -> None:
        # What a page was fetching when the user left it is aborted.
        if "ERR_ABORTED" not in str(request.failure):
            self.complaints.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        page_itself = response.request.resource_type == "document"
        if response.status >= 500 or (response.status >= 400 and not page_itself):
            self.complaints.append(f"{response.url}: {response.status}")


def new_page(browser: Browser, product: Product, **options: Any) -> tuple[Page, Watch]:
    """A new browser window of its own, in Berlin."""
    context = browser.new_context(**{"base_url": product.url, "timezone_id": "Europe/Berlin", **options})
    context.set_default_timeout(15_000)
    watch = Watch(context)
    return context.new_page(), watch


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Connections")).to_be_visible()


def start(page: Page, label: str) -> None:
    """Add a connection, up to the provider's consent page."""
    page.goto("/settings/connections/")
    page.get_by_role("link", name="Add connection").click()
    page.get_by_label("Label").fill(label)
    page.get_by_role("button", name="Continue to PagerDuty").click()


def allow(page: Page, account: str = "acme") -> None:
    page.get_by_label("Sign in as").select_option(label=f"Dana Rivera (dana@{account}.example)")
    page.get_by_role("button", name="Allow").click()


def hindrances(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now."""
    page.evaluate(_AXE)
    found = page.evaluate("(rules) => axe.run(document, rules)", _RULES)
    return [
        f"{row['id']}: {row['help']} at {node['target']}"
        for row in found["violations"]
        if row["impact"] in ("serious", "critical")
        for node in row["nodes"][:3]
    ]


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window; tables scroll inside their own frame."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def shoot(page: Page, name: str) -> None:
    """Keep a picture for docs/ when SCREENSHOTS is set (`make screenshots`)."""
    if os.environ.get("SCREENSHOTS"):
        _SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=_SCREENSHOTS / f"{name}.png")
