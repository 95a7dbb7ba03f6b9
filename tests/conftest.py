"""What holds for every test: a skip counts as a failure where everything is required (REQUIRE_ALL=1)."""

import gc
import os
import time
from collections.abc import Generator, Iterator
from copy import copy
from functools import cache as cache_of
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import client
from django.test.utils import ContextList

from core import request_slots
from core.db import tenant_scope
from pagerduty_app.sandbox import tokens
from tests.support.by_file import ByFile
from tests.support.contract import Contract
from tests.support.contract_checks import kept
from tests.support.database_role import assume_restricted_role
from tests.support.migrated import copy_for_tests
from tests.world import World, world

pytest_plugins = ["tests.fixtures"]
_ON_SQLITE = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
# No client waits longer for an answer.
_PATIENCE_SECONDS = 25.0
REQUIRED = os.environ.get("REQUIRE_ALL") == "1"


def pytest_configure() -> None:
    # Else each new test client reads the list of all static files again: three quarters of what a request costs.
    settings.WHITENOISE_AUTOREFRESH = True
    # Django's copies the context of every widget's template, 80 a page; the page's own is what tests look at.
    django_client: Any = client
    django_client.store_rendered_templates = _keep_first
    # Passwords are Django's business; hashing them slowly tests nothing of ours.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if _ON_SQLITE:  # what survives a power cut is not tested here, and each commit waits for the disk
        settings.DATABASES["default"]["OPTIONS"]["init_command"] = (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
        )
    # A sandbox makes a new signing key at each reset, which was nine tenths of its set-up: one per process will do.
    own: Any = tokens
    own.rsa = SimpleNamespace(
        generate_private_key=cache_of(rsa.generate_private_key), RSAPrivateKey=rsa.RSAPrivateKey
    )


def _keep_first(
    store: dict[str, Any], signal: Any, sender: Any, template: Any, context: Any, **more: Any
) -> None:
    """Keep the template and the context of a response that were rendered first."""
    if "context" not in store:
        store.update(templates=[template], context=ContextList([copy(context)]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What SQLite has not is left out there; as a skip it would count as a failure."""
    apart = [item for item in items if _ON_SQLITE and item.get_closest_marker("postgresql")]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    return ByFile(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(autouse=True)
def _this_machine_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests set it; what the database says of the time is tested in tests/core/db/test_clock.py."""
    monkeypatch.setattr("core.db.clock._known", None)
    monkeypatch.setattr("core.db.clock.learn", lambda at, asked: True)


@pytest.fixture(autouse=True)
def _no_thread_still_waits() -> Iterator[None]:
    """What a test gave up on, such as a look-up, goes on in its thread; the next test finds no slot taken by it."""
    yield
    until = time.monotonic() + _PATIENCE_SECONDS
    while request_slots._requests._workspaces and time.monotonic() < until:
        time.sleep(0.01)


def pytest_collection_finish() -> None:
    """Let the garbage collector go through what tests make, not through all that was imported, a fifth of the cost."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped although REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _unscoped() -> Iterator[None]:
    """Show tests every tenant's rows, as a command sees them. Threads and requests of a test begin with none."""
    with tenant_scope.unscoped():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as everywhere else: in memory, threads get other locks than they have in use.

    PostgreSQL as a role that row-level security holds for, as on a server.
    """
    if not _ON_SQLITE:
        assume_restricted_role(settings.DATABASES["default"])
    with django_db_blocker.unblock():
        copy_for_tests(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """SQLite's file is there before Django looks; else it would be made anew, and empty."""
    return _ON_SQLITE or django_db_keepdb


@pytest.fixture(scope="session", autouse=True)
def _tests_may_empty_the_audit() -> None:
    """Tests that commit delete everything afterwards, which the audit's triggers do not allow."""
    if connection.vendor == "sqlite":
        before = "DROP TRIGGER audit_event_kept"
        after = import_module("connections.migrations.0005_audit_events_are_kept").SQLITE
    else:
        before = "ALTER TABLE connections_auditevent DISABLE TRIGGER audit_event_not_emptied"
        after = before.replace("DISABLE", "ENABLE")
    operations: Any = type(connection.ops)
    sql_flush = operations.sql_flush

    def unguarded(*args: Any, **kwargs: Any) -> list[str]:
        return [before, *sql_flush(*args, **kwargs), after]

    operations.sql_flush = unguarded


@pytest.fixture(scope="session")
def _misfits() -> Iterator[list[str]]:
    contract = Contract.load_from_env()
    if contract is None:
        yield []
        return
    with kept(contract) as faults:
        yield faults


@pytest.fixture(autouse=True)
def _requests_fit_pagerdutys_own_file(_misfits: list[str]) -> Iterator[None]:
    yield
    faults = list(_misfits)
    _misfits.clear()
    assert not faults, "\n".join(faults)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """What one test looked up is not known to the next."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(scope="module")
def world_made_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """For many tests that only look, each of which undoes what it did. With `db`."""
    around: Any = transaction.atomic()
    around._from_testcase = True  # as those that Django puts around tests
    with django_db_blocker.unblock(), around:
        yield world()
        transaction.set_rollback(True)
