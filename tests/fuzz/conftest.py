"""What every fuzz test has: a place for its figures, and no part in `make test`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.figures import Noted


@pytest.hookimpl(tryfirst=True)  # before markers are selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def noted() -> Iterator[Noted]:
    with Noted() as figures:
        yield figures
