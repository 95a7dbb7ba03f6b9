"""What every fuzz test has: a place for its figures."""

from collections.abc import Iterator

import pytest

from tests.fuzz.figures import Noted


@pytest.fixture
def noted() -> Iterator[Noted]:
    with Noted() as figures:
        yield figures
