"""PagerDuty's REST API as `responses` answers it, and a client of it."""

from collections.abc import Iterator

import pytest
import responses

from pagerduty_app.client import Api

BASE = "https://api.example"
TOKEN = "the-access-token"


@pytest.fixture
def rest() -> Iterator[responses.RequestsMock]:
    """Stands in for PagerDuty's REST API at BASE."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def api() -> Api:
    return Api(BASE, TOKEN, lambda: None)
