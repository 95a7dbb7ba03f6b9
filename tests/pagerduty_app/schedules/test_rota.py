"""What the entries of a final schedule come to: who is on call, and from when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pagerduty_app.payloads.deliveries import read_delivery, trigger_fields
from pagerduty_app.payloads.describe import in_words
from pagerduty_app.payloads.on_call import events, schema
from pagerduty_app.schedules.final_shifts import shifts_of
from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED
from pagerduty_app.schedules.rota import Rota, Stretch, stretches_of
from tests.pagerduty_app.payloads.test_deliveries import JSON
from workflows.catalog import ProviderError

START = datetime(2026, 11, 2, tzinfo=UTC)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def entry(start: int, end: int | None, user: str) -> dict[str, Any]:
    last = None if end is None else hour(end).isoformat()
    return {"start": hour(start).isoformat(), "end": last, "user": {"id": user, "summary": user.title()}}


def stretches(entries: list[Any]) -> list[Stretch]:
    return stretches_of(shifts_of(LAYER_BASED, {"rendered_schedule_entries": entries}))


def told(*entries: dict[str, Any]) -> list[tuple[int, str]]:
    found = stretches(list(entries))
    return [(int((row.start - START).total_seconds() // 3600), "".join(row.ids)) for row in found]


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([], []),
        ([entry(0, 8, "a"), entry(8, 16, "b")], [(0, "a"), (8, "b"), (16, "")]),
        ([entry(8, 16, "b"), entry(0, 8, "a")], [(0, "a"), (8, "b"), (16, "")]),
        ([entry(0, 8, "a"), entry(8, 16, "a")], [(0, "a"), (16, "")]),
        ([entry(0, 8, "a"), entry(10, 16, "a")], [(0, "a"), (8, ""), (10, "a"), (16, "")]),
        ([entry(0, 8, "a"), entry(4, 6, "b")], [(0, "a"), (4, "ab"), (6, "a"), (8, "")]),
        ([entry(0, 8, "a"), entry(4, 12, "a")], [(0, "a"), (12, "")]),
        ([entry(0, None, "a")], [(0, "a")]),
        ([entry(4, 4, "a"), entry(0, 8, "b")], [(0, "b"), (8, "")]),
    ],
)
def test_entries_become_stretches_that_differ(entries: list[Any], wanted: list[tuple[int, str]]) -> None:
    assert told(*entries) == wanted


@examples(deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from("abc")), max_size=12))
def test_at_any_moment_it_is_those_whose_entry_has_begun_and_not_ended(
    rows: list[tuple[int, int, str]],
) -> None:
    found = stretches([entry(start, start + length, user) for start, length, user in rows])
    rota = Rota({"id": "S"}, found)

    for moment in range(45):
        wanted = sorted({user for start, length, user in rows if start <= moment < start + length})
        assert rota.at(hour(moment)).ids == wanted
        end = rota.end_of(hour(moment))
        assert end is None or rota.at(end).ids != wanted
    assert all(one.ids != other.ids for one, other in pairwise(found))


@pytest.mark.parametrize(
    "strange",
    [
        None,
        7,
        {},
        {"start": hour(0).isoformat()},
        {**entry(0, 8, "a"), "user": None},
        {**entry(0, 8, "a"), "end": "soon"},
        {**entry(0, 8, "a"), "start": "2026-11-02T00:00:00"},
    ],
)
def test_an_entry_that_says_nothing_is_trouble_and_no_gap(strange: Any) -> None:
    with pytest.raises(ProviderError) as refused:
        stretches([entry(0, 8, "a"), strange])
    assert refused.value.retryable


def assignment(start: int, end: int, user: str | None) -> dict[str, Any]:
    member = {"type": "user_member", "user_id": user} if user else {"type": "empty_member"}
    times = {"start_time": hour(start).isoformat(), "end_time": hour(end).isoformat()}
    return {**times, "member": member, "source": {"type": "schedule_rotation", "rotation_id": "R"}}


def shift_based(*rows: Any) -> list[Any]:
    return shifts_of(SHIFT_BASED, {"computed_shift_assignments": list(rows)})


def test_assignments_of_several_and_of_no_one() -> None:
    shifts = shift_based(
        assignment(0, 8, "a"), assignment(4, 12, "b"), assignment(12, 14, None), assignment(6, 9, None)
    )
    rota = Rota({"id": "S"}, stretches_of(shifts), SHIFT_BASED, shifts)

    assert [rota.at(hour(moment)).ids for moment in (0, 4, 7, 8, 12, 13)] == [
        ["a"],
        ["a", "b"],
        ["a", "b"],
        ["b"],
        [],
        [],
    ]
    assert [(shift.source, shift.user and shift.user["id"]) for shift in shifts][1:3] == [
        ("schedule_rotation", "b"),
        ("schedule_rotation", None),
    ]
    assert rota.known_from == hour(0)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {**assignment(0, 8, "a"), "member": None},
        {**assignment(0, 8, "a"), "member": {"type": "user_member"}},
        {**assignment(0, 8, "a"), "member": {"user_id": "PUSER00"}},
        {**assignment(0, 8, "a"), "start_time": "2026-11-02T00:00:00"},
        {**assignment(0, 8, "a"), "end_time": 7},
    ],
)
def test_an_assignment_that_says_nothing_is_trouble_and_no_gap(strange: Any) -> None:
    with pytest.raises(ProviderError) as refused:
        shift_based(assignment(0, 8, "a"), strange)
    assert refused.value.retryable


def body(before: str, now: str, moment: int = 8) -> bytes:
    first, second = ([{"id": name, "summary": name.title()}] for name in (before, now))
    change = events.Change(hour(moment), first, second, until=None)
    return events.changed({"id": "PSCHED1", "summary": "Primary"}, change, recovered=True)


def test_the_same_hand_over_has_the_same_id_and_another_has_another() -> None:
    first, again, *others = [
        read_delivery(each).external_id
        for each in (
            body("dana", "eli"),
            body("dana", "eli"),
            body("dana", "gus"),
            body("gus", "eli"),
            body("dana", "eli", 9),
        )
    ]

    assert first == again
    assert len({first, *others}) == 4
    assert read_delivery(body("dana", "eli")).lane == "PSCHED1"


@examples(deadline=None)
@given(data=JSON)
def test_any_event_of_that_kind_can_be_read(data: Any) -> None:
    inner = (
        {**data, "type": "on_call_change"}
        if isinstance(data, dict)
        else {"type": "on_call_change", "users_now": data}
    )
    payload = {"event": {"data": inner, "event_type": schema.CHANGED}}

    assert set(trigger_fields(payload)) >= {
        "event",
        "schedule",
        "users_before",
        "users_now",
        "at",
        "until",
        "recovered",
    }
    assert isinstance(in_words(payload).subject, str)


def test_many_people_are_named_shortly() -> None:
    assert schema.names_of([{"id": name} for name in "abcde"]) == "a, b, c and 2 more"
    assert schema.names_of([]) == "no one"
