"""Hand-overs of shift-based schedules, and of one that is upgraded in place while it is watched."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine

from connections.models import Connection
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.factories import SYSTEM, People
from tests.pagerduty_app.triggers.on_call_changes.watching import said
from tests.support.consent import consented
from workflows import worker
from workflows.models import Event, Trigger, Watch
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
LAYERS, SHIFTS = "PSCHED02", "PSHIFT0"
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
Tell = Callable[..., None]


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox) -> Tell:
    def ask(schedule: str, what: str = "", **body: Any) -> None:
        given = {name: str(value) if isinstance(value, datetime) else value for name, value in body.items()}
        with requests.Session() as session:
            session.trust_env = False
            url = f"{server.url}/_sandbox/schedules/{schedule}{what}"
            assert session.post(url, json=given, timeout=5).ok

    return ask


@pytest.fixture
def connection(who: People, sandbox: Sandbox) -> Connection:
    with time_machine.travel(NINE - 6 * HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


def watch(connection: Connection, schedule: str) -> Trigger:
    """A trigger that has looked once, at five o'clock."""
    with time_machine.travel(NINE - 4 * HOUR, tick=False):
        made = lifecycle.create(
            actor=SYSTEM,
            connection=connection,
            key="pagerduty/on-call-changed",
            name="Hand-over",
            options={"schedule_id": schedule},
        )
        worker.drain()
        return made


def at(moment: datetime) -> list[tuple[str, str, str]]:
    with time_machine.travel(moment, tick=False):
        worker.drain()
    return [said(event.payload["event"]["data"]) for event in Event.objects.order_by("seq")]


def shift(start: datetime, hours: int, users: list[str | None], **more: Any) -> dict[str, Any]:
    times = {"start": str(start), "end": str(start + hours * HOUR), "time_zone": "Etc/UTC"}
    return {**times, "recurrence": ["RRULE:FREQ=DAILY"], "users": users, **more}


def test_several_at_once_gaps_and_custom_shifts_are_hand_overs(connection: Connection, tell: Tell) -> None:
    day = shift(NINE - DAY, 8, ["PUSER00", "PUSER01"])
    both = shift(NINE - DAY + 4 * HOUR, 6, ["PUSER02", "PUSER03"], every=True)
    tell(SHIFTS, rotations=[[day], [both], [shift(NINE - DAY + 10 * HOUR, 1, [None])]])
    watch(connection, SHIFTS)
    tell(SHIFTS, "/custom_shifts", user="PUSER04", start=NINE + 12 * HOUR, end=NINE + 13 * HOUR)

    told = at(NINE + 13 * HOUR)

    assert told == [
        ("30T09:00", "", "Eli"),
        ("30T13:00", "Eli", "Eli+Farah+Gus"),
        ("30T17:00", "Eli+Farah+Gus", "Farah+Gus"),
        ("30T19:00", "Farah+Gus", ""),
        ("30T21:00", "", "Hana"),
        ("30T22:00", "Hana", ""),
    ]
    data = Event.objects.order_by("seq")[1].payload["event"]["data"]
    assert data["users_now"][0]["email"] == "eli@acme.example"
    assert data["schedule"]["summary"] == "Shifts around the clock"
    assert Watch.objects.get().watched == "Shifts around the clock"


@pytest.mark.parametrize("history", [True, False])
def test_an_upgrade_in_place_is_no_hand_over(connection: Connection, tell: Tell, history: bool) -> None:
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    tell(LAYERS, "/upgrade", at=NINE - 2 * HOUR, history=history)

    assert at(NINE - 2 * HOUR + MINUTE) == []
    assert Watch.objects.get().state["kind"] == "shift_based"
    assert at(NINE) == [("30T09:00", "Dana", "Eli")]
    assert at(NINE + DAY)[1:] == [("01T09:00", "Eli", "Farah")]
    assert Watch.objects.get().trouble is None


def test_a_hand_over_shortly_before_an_upgrade_is_told(connection: Connection, tell: Tell) -> None:
    """The upgraded schedule has no shifts from before: the hand-over counts from the first that it has."""
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    at(NINE - MINUTE)
    tell(LAYERS, "/upgrade", at=NINE + MINUTE)

    assert at(NINE + 2 * MINUTE) == [("30T09:01", "Dana", "Eli")]


def test_a_gap_after_an_upgrade_is_told(connection: Connection, tell: Tell) -> None:
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    tell(LAYERS, "/upgrade", at=NINE - 2 * HOUR)
    tell(LAYERS, rotations=[[shift(NINE - 3 * HOUR, 2, ["PUSER00"])]])

    assert at(NINE - HOUR) == [("30T08:00", "Dana", "")]


@pytest.mark.parametrize("earlier", [{}, {"kind": "layer_based"}])
def test_an_upgrade_whose_shifts_begin_later_is_no_hand_over(
    connection: Connection, tell: Tell, earlier: dict[str, str]
) -> None:
    """Of a watch that an earlier release left, too; that did not know kinds."""
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    row = Watch.objects.get()
    row.state = {"told": row.state["told"], "users": row.state["users"], **earlier}
    row.save(update_fields=["state"])
    begins = NINE - 2 * HOUR
    tell(LAYERS, "/upgrade", at=begins)

    assert at(begins - 3 * MINUTE) == []
    assert Watch.objects.get().state["kind"] == "layer_based"
    assert Watch.objects.get().next_look_at == begins
    assert at(begins) == []
    assert Watch.objects.get().state["kind"] == "shift_based"
    assert at(NINE) == [("30T09:00", "Dana", "Eli")]


def test_a_hand_over_while_the_shifts_of_an_upgrade_begin_is_told(connection: Connection, tell: Tell) -> None:
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    at(NINE - 4 * MINUTE)
    tell(LAYERS, "/upgrade", at=NINE + 2 * MINUTE)

    assert at(NINE + MINUTE) == []
    assert at(NINE + 2 * MINUTE) == [("30T09:02", "Dana", "Eli")]


@pytest.mark.parametrize("later", [5 * MINUTE, 3 * HOUR])
def test_an_upgrade_that_leaves_no_one_on_call_is_told_at_the_next_look(
    connection: Connection, tell: Tell, later: timedelta
) -> None:
    tell(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    watch(connection, LAYERS)
    tell(LAYERS, "/upgrade", at=NINE + DAY)
    looked = NINE - 2 * HOUR

    assert at(looked) == []
    assert at(looked + later) == [("30T07:00", "Dana", "")]
    assert len(at(looked + later + HOUR)) == 1
