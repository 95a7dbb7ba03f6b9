"""What holds for every test: a skip counts as a failure where everything is required (REQUIRE_ALL=1)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

REQUIRED = os.environ.get("REQUIRE_ALL") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped although REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """What one test looked up is not known to the next."""
    cache.clear()
    yield
    cache.clear()
