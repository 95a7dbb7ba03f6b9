"""Run pages are seen by the agency whose workspace it is."""

import pytest

from connections.models import Workspace
from tests.factories import People


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme
