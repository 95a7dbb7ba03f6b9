"""Each hand-over is told once, in order, with its time."""

from datetime import datetime, timedelta

import pytest
from jsonschema import Draft7Validator

from connections.models import Connection
from tests.factories import note_step, publish
from tests.pagerduty_app.triggers.on_call_changes.watching import (
    DAY,
    HOUR,
    KEY,
    MINUTE,
    NINE,
    ROTATION,
    At,
    Tell,
    said,
    watch,
)
from tests.support.present import present
from workflows import catalog
from workflows.authoring import samples
from workflows.models import Event, Run, Trigger

pytestmark = pytest.mark.django_db


def test_the_first_look_takes_down_who_is_on_call_and_tells_nothing(trigger: Trigger) -> None:
    row = watch()

    assert Event.objects.count() == 0
    assert (row.watched, row.present, row.expected_at) == ("Daily rotation", "On call: Dana Rivera", NINE)
    assert row.next_look_at == NINE - 4 * HOUR + 5 * MINUTE


def test_a_hand_over_is_told_once_at_the_very_end_of_the_shift(at: At, trigger: Trigger) -> None:
    assert at(NINE - 2 * MINUTE) == []
    assert watch().next_look_at == NINE, "not five minutes later"
    assert at(NINE - timedelta(microseconds=1)) == []

    (told,) = at(NINE)

    assert said(told) == ("30T09:00", "Dana", "Eli")
    assert told["until"] == (NINE + DAY).isoformat()
    assert told["recovered"] is False
    assert [user["email"] for user in told["users_now"]] == ["eli@acme.example"]
    assert told["schedule"]["id"] == ROTATION
    event = Event.objects.get()
    assert (event.event_type, event.lane, event.status) == ("schedule.on_call_changed", ROTATION, "done")
    for later in (NINE, NINE + 5 * MINUTE, NINE + HOUR):
        assert len(at(later)) == 1
    Draft7Validator(present(catalog.find_trigger(KEY)).output_schema).validate(
        samples.of_trigger(trigger, event)["trigger"]
    )


def test_the_documented_sample_has_the_shape_of_a_real_one(at: At) -> None:
    (real,) = at(NINE)
    kind = catalog.find_trigger(KEY)
    assert kind is not None
    sample = kind.sample["event"]["data"]

    assert sample.keys() == real.keys()
    assert [row.keys() for row in sample["users_now"]] == [row.keys() for row in real["users_now"]]
    assert sample["schedule"].keys() == real["schedule"].keys()


def test_an_override_is_found_within_minutes_and_told_as_of_its_beginning(at: At, tell: Tell) -> None:
    began = NINE - 3 * HOUR
    tell("/overrides", user="PUSER04", start=began, end=began + HOUR)
    at(began - MINUTE)
    tell("/overrides", method="DELETE")
    tell("/overrides", user="PUSER03", start=began + MINUTE, end=began + HOUR)

    assert [said(row) for row in at(began + 4 * MINUTE)] == [("30T06:01", "Dana", "Gus")]
    assert watch().expected_at == began + HOUR
    assert [said(row) for row in at(began + HOUR)][1:] == [("30T07:00", "Gus", "Dana")]


def test_what_is_changed_for_the_past_counts_from_the_last_look(at: At, tell: Tell) -> None:
    looked = NINE - 2 * HOUR
    at(looked)
    tell("/overrides", user="PUSER04", start=looked - HOUR, end=NINE)

    (told,) = at(looked + 6 * MINUTE)

    assert said(told) == (looked.isoformat()[8:16], "Dana", "Hana")


def test_nobody_on_call_is_a_hand_over_too(at: At, tell: Tell) -> None:
    tell(users=[])

    told = at(NINE - HOUR)

    assert [said(row)[1:] for row in told] == [("Dana", "")]
    tell(users=["PUSER01"])
    assert [said(row)[1:] for row in at(NINE)][1:] == [("", "Eli")]


def test_turns_of_one_person_are_no_hand_overs(at: At, tell: Tell) -> None:
    tell(users=["PUSER00"])

    assert at(NINE + 3 * DAY) == []


def test_what_was_missed_is_made_good_in_order(at: At, trigger: Trigger, connection: Connection) -> None:
    publish(
        trigger,
        connection,
        steps=[
            note_step(
                connection,
                input={
                    "from": "{{ trigger.users_now[0].email }}",
                    "incident_id": "P1",
                    "content": "{{ trigger.schedule.summary }}",
                },
            )
        ],
    )

    told = at(NINE + 2 * DAY + HOUR)

    assert [said(row) for row in told] == [
        ("30T09:00", "Dana", "Eli"),
        ("01T09:00", "Eli", "Farah"),
        ("02T09:00", "Farah", "Dana"),
    ]
    assert [row["recovered"] for row in told] == [True, True, True]
    assert [row["until"] for row in told] == [(NINE + n * DAY).isoformat() for n in (1, 2, 3)]
    assert [run.event.seq for run in Run.objects.order_by("seq")] == sorted(
        Event.objects.values_list("seq", flat=True)
    )
    assert watch().left_out == ""


def test_a_week_is_made_good_and_what_is_older_is_said_to_be_left_out(at: At) -> None:
    now = NINE + 20 * DAY + HOUR

    told = at(now)

    ats = [datetime.fromisoformat(row["at"]) for row in told]
    assert all(now - one <= timedelta(days=8) for one in ats)
    assert ats == sorted(ats)
    chain = [[user["id"] for user in row[side]] for row in told for side in ("users_before", "users_now")]
    assert chain[1:-1:2] == chain[2::2], "each begins with who was on call after the one before"
    assert "more than 7 days" in watch().left_out
    assert len(at(now + HOUR)) == len(told)


@pytest.mark.slow
def test_two_hundred_at_once_are_made_good_and_the_others_are_said_to_be_left_out(at: At, tell: Tell) -> None:
    tell(start=NINE, turn_seconds=600)

    told = at(NINE + 2 * DAY)

    assert len(told) == 200
    assert told[-1]["at"] == (NINE + 2 * DAY).isoformat()
    assert "only the last 200" in watch().left_out
