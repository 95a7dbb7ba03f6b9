"""What the tests of overrides share: a connection that may write schedules, and who is on call in the sandbox."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules import definitions
from pagerduty_app.sandbox.world.schedules.on_call import on_call_at
from tests.factories import SYSTEM, people
from tests.support.consent import consented
from tests.support.contract import Contract
from tests.support.sandbox_actions import DANA, asked
from workflows.calls import pipeline
from workflows.models import ActionCall

SHIFTS, LAYERS = "PSHIFT0", "PSCHED02"
BOTH = pytest.mark.parametrize("schedule", [LAYERS, SHIFTS])
# Gus is in no layer and in one shift only.
GUS, HANA = "PUSER03", "PUSER04"
Create = Callable[..., ActionCall]


@pytest.fixture(autouse=True)
def _ten_o_clock() -> Iterator[None]:
    """Shifts change at eight and twenty in the sandbox; a stretch of some hours is within one of them at ten."""
    with time_machine.travel(timezone.now().replace(hour=10, minute=0), tick=True):
        yield


@pytest.fixture
def connection(db: None, sandbox: Sandbox) -> Connection:
    who = people()
    return consented(who.alice, who.acme, sandbox, optional=["overrides"])


@pytest.fixture
def act(connection: Connection) -> Any:
    def run(action: str, data: dict[str, Any]) -> ActionCall:
        key = f"pagerduty/{action}"
        return pipeline.call_action(
            actor=SYSTEM, connection=connection, action_key=key, data=data, origin="api"
        )

    return run


@pytest.fixture
def create(act: Any) -> Create:
    """create(schedule, …): a call for Hana and an hour from now, unless told otherwise."""

    def run(schedule: str, **more: Any) -> ActionCall:
        data = {"from": DANA, "schedule_id": schedule, "user_id": HANA, **more}
        if not {"end", "duration_minutes"} & data.keys():
            data["duration_minutes"] = 60
        return act("create-override", data)  # type: ignore[no-any-return]

    return run


@pytest.fixture
def ahead() -> dict[str, str]:
    """A stretch of two hours that begins in a day: the same in every call."""
    start = timezone.now().replace(microsecond=0) + timedelta(days=1)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}


def on_call(sandbox: Sandbox, schedule: str, minutes: float = 1) -> list[str]:
    """Return the users on call in the sandbox, some minutes from now."""
    found = sandbox.store.get("schedule", schedule) or sandbox.store.get("schedule_v3", schedule)
    return on_call_at(sandbox.store, found or {}, timezone.now() + timedelta(minutes=minutes))


def rows(sandbox: Sandbox, schedule: str) -> list[dict[str, Any]]:
    """Return the overrides and custom shifts that the sandbox has."""
    kinds = ("overrides", "override_shifts", "custom_shifts")
    return [row for kind in kinds for row in (sandbox.store.get(kind, schedule) or {"rows": []})["rows"]]


def writes(sandbox: Sandbox, schedule: str) -> int:
    """Return how many writes the sandbox was sent."""
    paths = (f"/schedules/{schedule}/overrides", f"/v3/schedules/{schedule}/overrides")
    custom = f"/v3/schedules/{schedule}/custom_shifts"
    return sum(len(asked(sandbox, "POST", path)) for path in (*paths, custom))


def rotate(sandbox: Sandbox, *rotations: tuple[float, float, list[str | None]], every: bool = True) -> None:
    """Give the shift-based schedule daily shifts: from and to in hours from now, and their members."""
    now = timezone.now().replace(microsecond=0)
    schedule = sandbox.store.get("schedule_v3", SHIFTS) or {}
    made = [
        definitions.rotation(
            [
                definitions.event(
                    now + timedelta(hours=since),
                    now + timedelta(hours=until),
                    "Etc/UTC",
                    ["RRULE:FREQ=DAILY"],
                    members,
                    every=every,
                )
            ]
        )
        for since, until, members in rotations
    ]
    sandbox.store.put("schedule_v3", SHIFTS, {**schedule, "rotations": made})


@pytest.fixture
def contract() -> Contract | None:
    return Contract.load_from_env()
