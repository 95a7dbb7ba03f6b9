"""A running sandbox that the settings point at, and rows of ours that belong to its accounts."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses
from django.conf import settings as project_settings

from pagerduty_app.client import Api
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer

# pytest takes fixtures over by name.
from tests.workflows.conftest import connection, deliver, trigger, workspace

__all__ = ["connection", "deliver", "trigger", "workspace"]
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


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    clients = {project_settings.PAGERDUTY_CLIENT_ID: project_settings.PAGERDUTY_CLIENT_SECRET}
    with SandboxServer(clients=clients) as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer, settings: Any) -> Sandbox:
    """PagerDuty on its first day; the product takes it for the real one."""
    server.sandbox.reset()
    settings.PAGERDUTY_IDENTITY_URL = server.url
    settings.PAGERDUTY_API_URL = server.url
    settings.PAGERDUTY_API_URL_EU = f"{server.url}/eu"
    settings.PAGERDUTY_ID_TOKEN_ISSUERS = [f"{server.url}/global/oauth/anonymous"]
    return server.sandbox
