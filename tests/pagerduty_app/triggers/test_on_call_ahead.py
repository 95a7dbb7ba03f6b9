"""Gaps ahead and shifts about to start: each told once, the hours ahead, also when shifts are edited meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine
from jsonschema import Draft7Validator

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.payloads.describe import in_words
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from pagerduty_app.schedules import people
from tests.factories import SYSTEM, People
from tests.support.browser import ADD, signed_in, text
from tests.support.consent import consented
from tests.support.present import present
from workflows import catalog, worker
from workflows.authoring import samples
from workflows.models import Event, Trigger, Watch
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
LAYERS, SHIFTS = "PSCHED02", "PSHIFT0"
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
GAP, START = "pagerduty/on-call-gap-ahead", "pagerduty/on-call-starting"
Tell = Callable[..., None]
EIGHT_HOURS = {
    "start": str(NINE - DAY),
    "end": str(NINE - 16 * HOUR),
    "time_zone": "Etc/UTC",
    "recurrence": ["RRULE:FREQ=DAILY"],
}


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox) -> Tell:
    """Gus and Hana in turns, from nine to five; Dana, Eli and Farah, a day each."""

    def ask(schedule: str, what: str = "", method: str = "POST", **body: Any) -> None:
        given = {name: str(value) if isinstance(value, datetime) else value for name, value in body.items()}
        with requests.Session() as session:
            session.trust_env = False
            url = f"{server.url}/_sandbox/schedules/{schedule}{what}"
            assert session.request(method, url, json=given, timeout=5).ok

    ask(SHIFTS, rotations=[[{**EIGHT_HOURS, "users": ["PUSER03", "PUSER04"]}]])
    ask(LAYERS, start=NINE - DAY, turn_seconds=86_400)
    return ask


@pytest.fixture
def connection(who: People, sandbox: Sandbox, tell: Tell) -> Connection:
    with time_machine.travel(NINE - 2 * HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


def watched(connection: Connection, key: str, schedule: str = SHIFTS, hours: int = 2) -> Trigger:
    """A trigger, made at nine o'clock."""
    options = {"schedule_id": schedule, "hours": hours}
    with time_machine.travel(NINE, tick=False):
        return lifecycle.create(actor=SYSTEM, connection=connection, key=key, name="Ahead", options=options)


def at(moment: datetime) -> list[tuple[str, str, str]]:
    """What was told by then: when, from when, until when."""
    with time_machine.travel(moment, tick=False):
        worker.drain()
    assert Watch.objects.get().trouble is None
    told = [event.payload["event"] for event in Event.objects.order_by("seq")]
    data = [(event["occurred_at"], event["data"]["at"], event["data"]["until"]) for event in told]
    return [(when[8:16], begin[8:16], (end or "")[8:16]) for when, begin, end in data]


def starting() -> list[list[str]]:
    events = Event.objects.order_by("seq")
    return [[user["email"] for user in event.payload["event"]["data"]["users_starting"]] for event in events]


def test_a_gap_is_told_once_the_hours_ahead(connection: Connection) -> None:
    watched(connection, GAP)
    assert at(NINE) == []
    assert Watch.objects.get().expected_at == NINE + 6 * HOUR
    assert at(NINE + 6 * HOUR - MINUTE) == []
    first = ("30T15:00", "30T17:00", "01T09:00")

    assert at(NINE + 6 * HOUR) == [first]
    for later in (6.1, 8, 9, 23.9, 24, 29.9):
        assert at(NINE + later * HOUR) == [first]
    assert at(NINE + 30 * HOUR) == [first, ("01T15:00", "01T17:00", "02T09:00")]


def test_edits_of_a_gap_that_was_told_tell_nothing(connection: Connection, tell: Tell) -> None:
    watched(connection, GAP)
    at(NINE + 6 * HOUR)
    tell(SHIFTS, "/custom_shifts", user="PUSER00", start=NINE + 9 * HOUR, end=NINE + 12 * HOUR)
    assert len(at(NINE + 6.2 * HOUR)) == 1
    tell(SHIFTS, "/custom_shifts", user="PUSER00", start=NINE + 8 * HOUR, end=NINE + 9 * HOUR)
    assert len(at(NINE + 6.4 * HOUR)) == 1


def test_a_gap_that_has_begun_and_has_no_end_within_a_month(connection: Connection, tell: Tell) -> None:
    tell(LAYERS, users=[])
    watched(connection, GAP, LAYERS)

    assert at(NINE + HOUR) == [("30T10:00", "30T10:00", "")]
    assert len(at(NINE + 2 * HOUR)) == 1
    tell(LAYERS, users=["PUSER00"])
    assert len(at(NINE + 3 * HOUR)) == 1


def test_a_gap_that_was_mended_hides_no_later_one(connection: Connection, tell: Tell) -> None:
    tell(LAYERS, users=[])
    watched(connection, GAP, LAYERS, hours=24)
    assert at(NINE + MINUTE) == [("30T09:01", "30T09:01", "")]
    tell(LAYERS, users=["PUSER00"])
    assert len(at(NINE + 10 * MINUTE)) == 1
    assert Watch.objects.get().state["told"] == []
    tell(LAYERS, users=[])

    assert at(NINE + 7 * DAY)[1:] == [("07T09:00", "07T09:00", "")]


def test_nights_that_are_left_of_an_empty_schedule_are_told_from_the_next_day_on(
    connection: Connection, tell: Tell
) -> None:
    rotations = [[{**EIGHT_HOURS, "users": ["PUSER03"]}]]
    tell(SHIFTS, rotations=[])
    watched(connection, GAP)
    assert at(NINE + MINUTE) == [("30T09:01", "30T09:01", "")]
    tell(SHIFTS, rotations=rotations)

    assert len(at(NINE + 23 * HOUR)) == 1, "this night was told"
    assert at(NINE + 30 * HOUR)[1:] == [("01T15:00", "01T17:00", "02T09:00")]


def test_cover_that_is_withdrawn_leaves_a_gap_that_is_told_again(
    connection: Connection, tell: Tell, sandbox: Sandbox
) -> None:
    watched(connection, GAP, hours=12)
    first = ("30T09:01", "30T17:00", "01T09:00")
    assert at(NINE + MINUTE) == [first]
    tell(SHIFTS, "/custom_shifts", user="PUSER00", start=NINE + 8 * HOUR, end=NINE + 24 * HOUR)
    assert at(NINE + 10 * MINUTE) == [first]
    sandbox.store.put("custom_shifts", SHIFTS, {"rows": []})

    assert at(NINE + HOUR) == [first, ("30T10:00", "30T17:00", "01T09:00")]
    assert len(at(NINE + 9 * HOUR)) == 2


@pytest.mark.parametrize("looked", [-2 * MINUTE, -HOUR])
def test_a_gap_that_is_prolonged_just_before_its_end_is_not_told_again(
    connection: Connection, tell: Tell, looked: timedelta
) -> None:
    watched(connection, GAP)
    at(NINE + 6 * HOUR)
    assert len(at(NINE + DAY + looked)) == 1
    tell(SHIFTS, rotations=[[{**EIGHT_HOURS, "start": str(NINE - 22 * HOUR), "users": ["PUSER03"]}]])

    assert len(at(NINE + DAY + 3 * MINUTE)) == 1
    assert len(at(NINE + DAY + 2 * HOUR)) == 1
    assert at(NINE + DAY + 6 * HOUR)[1:] == [("01T15:00", "01T17:00", "02T11:00")], "the next night"


def test_a_shift_is_told_once_the_hours_ahead_with_its_people(connection: Connection, tell: Tell) -> None:
    watched(connection, START, LAYERS, hours=3)
    assert at(NINE) == []
    assert at(NINE + 21 * HOUR - MINUTE) == []

    assert at(NINE + 21 * HOUR) == [("01T06:00", "01T09:00", "02T09:00")]
    assert starting() == [["farah@acme.example"]]
    for later in (21.1, 23.9, 24, 25):
        assert len(at(NINE + later * HOUR)) == 1
    tell(LAYERS, "/overrides", user="PUSER04", start=NINE + 2 * DAY, end=NINE + 3 * DAY)
    at(NINE + 45 * HOUR)
    tell(LAYERS, "/overrides", method="DELETE")
    assert at(NINE + 45.1 * HOUR)[1:] == [
        ("02T06:00", "02T09:00", "03T09:00"),
        ("02T06:06", "02T09:00", "03T09:00"),
    ], "the user who starts after all"
    assert starting()[1:] == [["hana@acme.example"], ["dana@acme.example"]]


@pytest.mark.parametrize(("user", "start"), [("PUSER02", -1), ("PUSER04", 0), ("PUSER02", 24)])
def test_a_shift_that_is_moved_or_extended_is_not_told_again(
    connection: Connection, tell: Tell, user: str, start: int
) -> None:
    """Farah begins an hour earlier, then because another has her first hour an hour later, or stays for an hour."""
    watched(connection, START, LAYERS, hours=3)
    at(NINE + 21 * HOUR)
    assert starting() == [["farah@acme.example"]]
    begins = NINE + DAY + start * HOUR
    tell(LAYERS, "/overrides", user=user, start=begins, end=begins + HOUR)

    for later in (21.2, 23.1, 23.9, 24, 24.5):
        at(NINE + later * HOUR)
    others = [["hana@acme.example"]] if user == "PUSER04" else []
    assert starting() == [["farah@acme.example"], *others]


def test_a_shift_that_was_taken_away_and_given_back_is_told_again(connection: Connection, tell: Tell) -> None:
    watched(connection, START, LAYERS, hours=3)
    at(NINE + 21 * HOUR)
    tell(LAYERS, "/overrides", user="PUSER04", start=NINE + DAY, end=NINE + 2 * DAY)
    at(NINE + 21.2 * HOUR)
    tell(LAYERS, "/overrides", method="DELETE")
    at(NINE + 21.4 * HOUR)

    assert starting() == [["farah@acme.example"], ["hana@acme.example"], ["farah@acme.example"]]


def test_the_users_of_one_look_are_asked_for_together(
    connection: Connection, tell: Tell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "MOST_REQUESTS", 2)
    tell(SHIFTS, rotations=[[{**EIGHT_HOURS, "users": ["PUSER01", "PUSER02", "PUSER03", "PUSER04"]}]])
    watched(connection, START, hours=72)
    before = len(list(sandbox.requests))

    assert len(at(NINE + MINUTE)) == 3
    asked = [row["path"] for row in list(sandbox.requests)[before:]]
    assert [path for path in asked if path.startswith("/users/")] == ["/users/PUSER03", "/users/PUSER04"]
    assert starting() == [["gus@acme.example"], ["hana@acme.example"], [None]], "soonest first"


def test_users_who_stay_do_not_start_and_those_who_join_do(connection: Connection, tell: Tell) -> None:
    watched(connection, START, hours=24)
    tell(SHIFTS, "/custom_shifts", user="PUSER00", start=NINE + 2 * HOUR, end=NINE + 10 * HOUR)
    tell(SHIFTS, "/custom_shifts", user="PUSER00", start=NINE + 10 * HOUR, end=NINE + 12 * HOUR)

    assert at(NINE + MINUTE) == [
        ("30T09:01", "30T11:00", "30T21:00"),
        ("30T09:01", "01T09:00", "01T17:00"),
    ]
    assert starting() == [["dana@acme.example"], ["gus@acme.example"]]


def test_an_upgrade_tells_nothing_twice(connection: Connection, tell: Tell) -> None:
    watched(connection, START, LAYERS, hours=3)
    assert len(at(NINE + 21 * HOUR)) == 1
    tell(LAYERS, "/upgrade", at=NINE + 21 * HOUR)

    assert len(at(NINE + 22 * HOUR)) == 1
    assert len(at(NINE + 45 * HOUR)) == 2


@pytest.mark.parametrize("key", [GAP, START])
def test_an_upgrade_whose_shifts_begin_later_tells_nothing(
    connection: Connection, tell: Tell, key: str
) -> None:
    tell(LAYERS, users=["PUSER00"])
    watched(connection, key, LAYERS)
    at(NINE + HOUR)
    tell(LAYERS, "/upgrade", at=NINE + 2 * HOUR + 3 * MINUTE)

    for minutes in (0, 3, 10):
        assert at(NINE + 2 * HOUR + minutes * MINUTE) == []
    assert Watch.objects.get().state["kind"] == "shift_based"


def test_an_upgrade_that_leaves_the_schedule_empty_tells_the_gap_at_the_next_look(
    connection: Connection, tell: Tell
) -> None:
    tell(LAYERS, users=["PUSER00"])
    watched(connection, GAP, LAYERS)
    at(NINE + HOUR)
    tell(LAYERS, "/upgrade", at=NINE + DAY)
    assert at(NINE + 2 * HOUR) == []

    assert at(NINE + 2 * HOUR + 5 * MINUTE) == [("30T11:05", "30T11:05", "01T09:00")]


@pytest.mark.parametrize(("key", "hours"), [(GAP, 12), (START, 24)])
def test_the_sample_has_the_shape_of_a_real_one_and_is_described(
    connection: Connection, key: str, hours: int
) -> None:
    trigger = watched(connection, key, hours=hours)
    assert at(NINE + HOUR)
    event, kind = Event.objects.get(), present(catalog.find_trigger(key))

    assert kind.sample["event"]["data"].keys() == event.payload["event"]["data"].keys()
    Draft7Validator(kind.output_schema).validate(samples.of_trigger(trigger, event)["trigger"])
    assert (event.lane, event.status) == (SHIFTS, "done")
    words = in_words(event.payload)
    assert words.subject == "Shifts around the clock: " + ("no one" if key == GAP else "Gus Meyer")
    assert dict(words.facts)["From"] == ("30 Nov 2026, 17:00 UTC" if key == GAP else "1 Dec 2026, 09:00 UTC")


@pytest.mark.parametrize("hours", [0, 169, "soon", None])
def test_hours_are_bounded(connection: Connection, hours: Any) -> None:
    with pytest.raises(Problem) as refused:
        watched(connection, GAP, hours=hours)
    assert list(present(refused.value.fields)["options"]) == ["hours"]


def test_making_one_on_the_pages(who: People, connection: Connection) -> None:
    browser = signed_in(who.bob)
    first = {"connection": str(connection.pk), "key": START, "name": "Soon on call"}
    page = browser.post(ADD, first)
    assert f'<option value="{SHIFTS}">Shifts around the clock</option>' in page.content.decode()
    assert "Hours ahead" in text(page)
    given = first | {"with-options": "1", "schedule_id": SHIFTS}
    assert browser.post(ADD, given | {"hours": "200"}).status_code == 400

    made = browser.post(ADD, given | {"hours": "24"})

    assert Trigger.objects.get().options == {"schedule_id": SHIFTS, "hours": 24}
    worker.drain()
    shown = text(browser.get(made["Location"]))
    for words in ("Active", "Shifts around the clock", "Next poll", "polls for the shifts in the schedule"):
        assert words in shown
