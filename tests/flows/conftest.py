"""One running product and one Chromium for each test module; a page signed in as the demo agency's owner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.flows.browsing import ARGUMENTS, CHROMIUM, new_page, sign_in
from tests.flows.running import Product

# What `make test` runs of them: the receiver as a process of its own.
_IN_MAKE_TEST = {"test_bodies.py"}


@pytest.hookimpl(tryfirst=True)  # before markers are selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name not in _IN_MAKE_TEST:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _migrated_once(django_db_modify_db_settings: None) -> None:
    """The database that each product's is a copy of."""


@pytest.fixture(scope="session")
def _product_of_make_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The one that they share, with the fewest processes: starting costs more than what they do with it."""
    yield from _running(tmp_path_factory, WEB_WORKERS="1", TASK_WORKERS="1")


@pytest.fixture(scope="session")
def _seed_of_make_test(_product_of_make_test: Product) -> dict[str, Any]:
    return _product_of_make_test.seed()


@pytest.fixture(scope="module")
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    if request.path.name in _IN_MAKE_TEST:
        yield request.getfixturevalue("_product_of_make_test")
    else:
        yield from _running(tmp_path_factory)


def _running(folders: pytest.TempPathFactory, **env: str) -> Iterator[Product]:
    running = Product(folders.mktemp("product"))
    running.env |= env
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def seed(request: pytest.FixtureRequest, product: Product) -> dict[str, Any]:
    if request.path.name in _IN_MAKE_TEST:
        shared: dict[str, Any] = request.getfixturevalue("_seed_of_make_test")
        return shared
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
