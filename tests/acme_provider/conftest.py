"""Acme registered beside PagerDuty, and its OAuth server."""

from collections.abc import Iterator

import pytest

from tests import acme_provider
from tests.acme_provider.shop import Shop


@pytest.fixture(autouse=True)
def acme() -> Iterator[None]:
    leave = acme_provider.register()
    yield
    leave()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with Shop() as running:
        monkeypatch.setattr("tests.acme_provider.provider.URL", running.url)
        yield running
