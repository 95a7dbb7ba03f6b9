"""Drafts are edited by the agency whose workspace it is."""

import pytest

from connections.models import Workspace
from tests.factories import SYSTEM, People
from workflows.authoring import drafts, lifecycle
from workflows.models import Trigger, Workflow


@pytest.fixture
def workspace(who: People) -> Workspace:
    return who.acme


@pytest.fixture
def draft(trigger: Trigger) -> Workflow:
    return lifecycle.create(
        actor=SYSTEM, trigger=trigger, name="Notes", definition=drafts.EMPTY, unfinished=True
    )
