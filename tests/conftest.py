"""What holds for every test: a skip counts as a failure where everything is required (REQUIRE_ALL=1)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache

REQUIRED = os.environ.get("REQUIRE_ALL") == "1"


def pytest_configure() -> None:
    # Else each new test client reads the list of all static files again: three quarters of what a request costs.
    settings.WHITENOISE_AUTOREFRESH = True
    # Passwords are Django's business; hashing them slowly tests nothing of ours.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped although REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as everywhere else: in memory, threads get other locks than they have in use."""
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        default["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """What one test looked up is not known to the next."""
    cache.clear()
    yield
    cache.clear()
