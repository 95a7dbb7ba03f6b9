"""The connection, inputs and windows of the tests of create-maintenance-window."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world import maintenance_windows as world
from tests.factories import people
from tests.support.consent import consented
from tests.support.sandbox_actions import ACCOUNT, DANA, act, asked

__all__ = ["act"]
KEY, PATH = "create-maintenance-window", "/maintenance_windows"
HOUR: dict[str, Any] = {
    "from": DANA,
    "service_ids": ["PSVC00", "PSVC01"],
    "duration_minutes": 60,
    "description": "Upgrade",
}


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=["maintenance_windows"])


def windows(sandbox: Sandbox) -> list[dict[str, Any]]:
    return world.listed(sandbox.store, ACCOUNT, "all")


def writes(sandbox: Sandbox) -> int:
    return len(asked(sandbox, "POST", PATH))


def in_hours(hours: float) -> str:
    return (timezone.now() + timedelta(hours=hours)).isoformat()


def insert(sandbox: Sandbox, email: str = DANA, **changes: Any) -> str:
    """Create a window of the two services in PagerDuty itself. Return its id."""
    user = next(row for row in sandbox.store.all("user", ACCOUNT) if row["email"] == email)
    wanted: dict[str, Any] = {
        "start_time": in_hours(0),
        "end_time": in_hours(1),
        "description": HOUR["description"],
        "services": [{"id": some_id} for some_id in HOUR["service_ids"]],
    }
    made = world.create(sandbox.store, sandbox.base_url, ACCOUNT, user, wanted | changes)
    return str(made["id"])


LENGTHS: dict[str, Any] = {
    "minutes": dict,
    "until": lambda: {"duration_minutes": None, "end": in_hours(2)},
    "later": lambda: {"start": in_hours(1)},
    "between": lambda: {"duration_minutes": None, "start": in_hours(1), "end": in_hours(2)},
    "begun": lambda: {"start": in_hours(-0.5)},
}


@pytest.fixture(params=LENGTHS)
def given(request: Any) -> dict[str, Any]:
    data = HOUR | LENGTHS[request.param]()
    return {name: value for name, value in data.items() if value is not None}
