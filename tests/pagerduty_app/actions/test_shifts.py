"""What the entries of a final schedule come to: who is on call, and from when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pagerduty_app.actions import shifts
from pagerduty_app.payloads import on_call_events
from pagerduty_app.payloads.deliveries import read_delivery, trigger_fields
from pagerduty_app.payloads.describe import in_words
from tests.pagerduty_app.payloads.test_deliveries import JSON
from workflows.catalog import ProviderError

START = datetime(2026, 11, 2, tzinfo=UTC)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def entry(start: int, end: int | None, user: str) -> dict[str, Any]:
    last = None if end is None else hour(end).isoformat()
    return {"start": hour(start).isoformat(), "end": last, "user": {"id": user, "summary": user.title()}}


def told(*entries: dict[str, Any]) -> list[tuple[int, str]]:
    found = shifts._stretches(list(entries))
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
    found = shifts._stretches([entry(start, start + length, user) for start, length, user in rows])
    rota = shifts.Rota({"id": "S"}, found)

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
        shifts._stretches([entry(0, 8, "a"), strange])
    assert refused.value.retryable


def body(before: str, now: str, moment: int = 8) -> bytes:
    first, second = ([{"id": name, "summary": name.title()}] for name in (before, now))
    change = on_call_events.Change(hour(moment), first, second, until=None)
    return on_call_events.body({"id": "PSCHED1", "summary": "Primary"}, change, recovered=True)


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
    payload = {"event": {"data": inner, "event_type": on_call_events.EVENT_TYPE}}

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
    assert on_call_events.names_of([{"id": name} for name in "abcde"]) == "a, b, c and 2 more"
    assert on_call_events.names_of([]) == "no one"
