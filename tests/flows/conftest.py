"""One running product and one Chromium for each test module; a page signed in as the demo agency's owner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.flows.browsing import ARGUMENTS, CHROMIUM, new_page, sign_in
from tests.flows.running import Product

# What `make test` runs of them: the receiver as a process of its own, and the editor in a browser.
_IN_MAKE_TEST = {"test_bodies.py", "test_editing.py"}


@pytest.hookimpl(tryfirst=True)  # before markers are selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name not in _IN_MAKE_TEST:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _migrated_once(django_db_modify_db_settings: None) -> None:
    """The database that each product's is a copy of."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def seed(product: Product) -> dict[str, Any]:
    return product.seed()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, product: Product, seed: dict[str, Any]) -> Iterator[Page]:
    """Signed in as the demo agency's owner; anything the browser complains about fails the test."""
    page, watch = new_page(browser, product, viewport={"width": 1280, "height": 800})
    sign_in(page, seed["email"], seed["password"])
    yield page
    page.context.close()
    assert watch.complaints == []
