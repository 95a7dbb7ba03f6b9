"""A connection with an active grant; the token endpoint answers by `responses`."""

from collections.abc import Iterator

import pytest
import responses

from connections.models import Connection
from tests.factories import People, connect


@pytest.fixture
def connection(who: People) -> Connection:
    return connect(who.acme)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
