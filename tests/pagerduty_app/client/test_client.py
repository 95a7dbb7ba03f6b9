"""The REST client: headers, bounds, errors in one class, waits as PagerDuty asks, paging."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import responses
import time_machine

from pagerduty_app.client import Api, PagerDutyError, Walk
from pagerduty_app.client.http import bounds
from pagerduty_app.client.refusals import MOST_REASONS
from tests.pagerduty_app.conftest import BASE, TOKEN


def failed(api: Api, mock: responses.RequestsMock, write: bool = False, **answer: Any) -> PagerDutyError:
    mock.get(f"{BASE}/incidents/P1", **answer)
    mock.post(f"{BASE}/incidents/P1/notes", **answer)
    ask: Callable[[], object] = (
        (lambda: api.create_note("dana@acme.example", "P1", "x"))
        if write
        else (lambda: api.get_incident("P1"))
    )
    with pytest.raises(PagerDutyError) as raised:
        ask()
    assert TOKEN not in str(raised.value) + repr(vars(raised.value))
    return raised.value


@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(400, False, False), (408, True, True), (429, True, False), (503, True, True)],
)
def test_an_override_is_refused_by_the_status_of_its_own(
    api: Api, rest: responses.RequestsMock, status: int, retryable: bool, unknown: bool
) -> None:
    said = [f"Bearer {TOKEN} is odd", "x" * 5000, *(f"reason {number}" for number in range(100))]
    row = {"status": status, "errors": said, "override": {}}
    wanted = {
        "start": "2026-11-02T08:00:00Z",
        "end": "2026-11-02T09:00:00Z",
        "user": {"id": "PUSER01", "type": "user_reference"},
    }
    rest.post(f"{BASE}/schedules/PSCHED1/overrides", json=[row], status=201)

    with pytest.raises(PagerDutyError) as raised:
        api.create_override("PSCHED1", wanted)

    error = raised.value
    assert (error.status, error.retryable, error.outcome_unknown) == (status, retryable, unknown)
    assert TOKEN not in repr(vars(error))
    assert len(error.reasons) == MOST_REASONS
    assert max(map(len, error.reasons)) <= 300


def test_every_request_carries_pagerdutys_headers(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/incidents/P1", json={"incident": {}})
    rest.post(f"{BASE}/incidents/P1/notes", json={"note": {}})

    api.get_incident("P1")
    api.create_note("dana@acme.example", "P1", "Ünïcode")

    read, write = (call.request for call in rest.calls)
    for request in (read, write):
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.headers["Accept"] == "application/vnd.pagerduty+json;version=2"
        assert request.headers["Content-Type"] == "application/json"
    assert "From" not in read.headers
    assert write.headers["From"] == "dana@acme.example"
    assert json.loads(write.body or "") == {"note": {"content": "Ünïcode"}}


def test_each_request_is_announced_before_it_is_sent(rest: responses.RequestsMock) -> None:
    def stop() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Api(BASE, TOKEN, stop).get_incident("P1")
    assert not rest.calls


@pytest.mark.parametrize("some_id", ["../users", "", "P1/notes", "P1?x", "a" * 65, "Ä"])
def test_an_id_stays_in_its_place_in_the_path(api: Api, rest: responses.RequestsMock, some_id: str) -> None:
    with pytest.raises(PagerDutyError):
        api.get_incident(some_id)
    assert [call.request.url for call in rest.calls] == []


@pytest.mark.parametrize(
    ("status", "code", "retryable", "unknown"),
    [
        (400, 2001, False, False),
        (401, 2006, False, False),
        (402, 2014, False, False),
        (403, 2010, False, False),
        (404, 5001, False, False),
        (408, None, True, True),
        (429, 2020, True, False),
        (500, 2000, True, True),
        (503, None, True, True),
    ],
)
def test_an_error_answer_becomes_the_one_error(
    api: Api,
    rest: responses.RequestsMock,
    status: int,
    code: int | None,
    retryable: bool,
    unknown: bool,
) -> None:
    body = {"error": {"message": "No.", "code": code, "errors": ["because"]}}

    error = failed(api, rest, write=True, json=body, status=status)

    assert (error.status, error.code, error.message) == (status, None if code is None else str(code), "No.")
    assert (error.retryable, error.outcome_unknown) == (retryable, unknown)
    assert error.reasons == ["because"]


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        (requests.ConnectTimeout(), False),
        (requests.ReadTimeout(), True),
        (requests.ConnectionError("broken"), True),
        (requests.exceptions.ChunkedEncodingError(), True),
    ],
    ids=["connect", "read", "broken", "cut"],
)
def test_silence_is_retryable_and_knows_whether_it_may_have_worked(
    api: Api, rest: responses.RequestsMock, body: Exception, unknown: bool
) -> None:
    reading, writing = failed(api, rest, body=body), failed(api, rest, write=True, body=body)

    assert reading.retryable
    assert writing.retryable
    assert not reading.outcome_unknown
    assert writing.outcome_unknown is unknown


def test_a_refused_connection_was_never_sent(api: Api) -> None:
    nowhere = Api("http://127.0.0.1:9", TOKEN, lambda: None)

    with pytest.raises(PagerDutyError) as raised:
        nowhere.create_note("dana@acme.example", "P1", "x")

    assert raised.value.retryable
    assert not raised.value.outcome_unknown


@pytest.mark.parametrize("body", ["no json", "[]", '"text"', "\ufffd"])
def test_a_success_that_is_no_object_is_an_unknown_outcome(
    api: Api, rest: responses.RequestsMock, body: str
) -> None:
    error = failed(api, rest, write=True, body=body, status=201)

    assert error.retryable
    assert error.outcome_unknown


def test_no_redirect_is_followed(api: Api, rest: responses.RequestsMock) -> None:
    error = failed(api, rest, status=307, headers={"Location": "https://evil.example"})

    assert error.status == 307
    assert len(rest.calls) == 1


def test_an_answer_without_end_is_cut_off(
    api: Api, rest: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pagerduty_app.client.http.transport._LARGEST_ANSWER", 1000)

    assert "more than" in failed(api, rest, body="x" * 2000).message


def test_a_slow_answer_is_cut_off_as_a_whole(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/x", body="x" * 10)
    answer = requests.get(f"{BASE}/x", stream=True, timeout=1)

    with pytest.raises(requests.ReadTimeout):
        bounds.read(answer, largest=1000, until=time.monotonic() - 1)


NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "7", "ratelimit-reset": "30"}, 7),
        (429, {"Retry-After": format_datetime(NOW + timedelta(seconds=90))}, 90),
        (429, {"Retry-After": "Mon, 02 Nov 2026 09:01:00"}, 60),
        (429, {"Retry-After": format_datetime(NOW - timedelta(hours=1))}, 1),
        (429, {"Retry-After": format_datetime(NOW + timedelta(hours=2), usegmt=True)}, 7200),
        (429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, 6 * 3600),
        (429, {"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        (429, {"Retry-After": "Mon, 02 Nov 2026 09:01:00 +99999999999999999999"}, None),
        (429, {"ratelimit-reset": "30"}, 30),
        (429, {"Retry-After": "soon", "ratelimit-reset": "30"}, 30),
        (429, {"Retry-After": "nan", "ratelimit-reset": "inf"}, None),
        (429, {"Retry-After": "0"}, 1),
        (429, {"Retry-After": "0.25"}, 1),
        (429, {"Retry-After": "-5"}, 1),
        (429, {"Retry-After": "7200"}, 7200),
        (429, {"Retry-After": "99999999"}, 6 * 3600),
        (429, {"Retry-After": "9" * 5000}, 6 * 3600),
        (429, {"Retry-After": "1e400", "ratelimit-reset": "0"}, 1),
        (429, {"Retry-After": "٣", "ratelimit-reset": "30"}, 30),
        (429, {}, None),
        (503, {"Retry-After": "3"}, 3),
        (503, {"ratelimit-reset": "30"}, None),
        (400, {"Retry-After": "3"}, None),
    ],
)
def test_how_long_to_wait(
    api: Api, rest: responses.RequestsMock, status: int, headers: dict[str, str], wait: float | None
) -> None:
    with time_machine.travel(NOW, tick=False):
        assert failed(api, rest, status=status, headers=headers).retry_after == wait


# --- paging --------------------------------------------------------------------------------------------
def rows(walk: Walk) -> list[Any]:
    return [row for page in walk for row in page]


class Pages:
    """PagerDuty with so many incidents; answers as many rows as `size` says."""

    def __init__(self, mock: responses.RequestsMock, count: int, size: int | None = None) -> None:
        self.rows = [{"id": f"P{number}"} for number in range(count)]
        self.size = size
        self.asked: list[tuple[int, int]] = []
        mock.add_callback(responses.GET, f"{BASE}/incidents", self._answer)

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        offset, limit = int(request.params["offset"]), int(request.params["limit"])
        self.asked.append((offset, limit))
        rows = self.rows[offset : offset + min(self.size or limit, limit)]
        more = offset + len(rows) < len(self.rows)
        return 200, {}, json.dumps({"incidents": rows, "more": more, "offset": offset, "limit": limit})


@pytest.mark.parametrize(
    ("count", "asked"), [(0, [0]), (99, [0]), (100, [0]), (101, [0, 100]), (250, [0, 100, 200])]
)
def test_everything_is_listed_until_more_is_false(
    api: Api, rest: responses.RequestsMock, count: int, asked: list[int]
) -> None:
    pages = Pages(rest, count)

    walk = api.everything("incidents", {})

    assert len(rows(walk)) == count
    assert walk.ending.complete
    assert [offset for offset, _ in pages.asked] == asked


def test_a_listing_that_is_not_through_in_time_ends_and_says_so(
    api: Api, rest: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, clock = Pages(rest, 500), iter([10.0, 20.0, 30.0])
    monkeypatch.setattr("pagerduty_app.client.paging.time", SimpleNamespace(monotonic=lambda: next(clock)))

    walk = api.everything("incidents", {}, until=25.0)

    assert (len(rows(walk)), len(pages.asked)) == (200, 2)
    assert not walk.ending.complete
    assert "timed out" in walk.ending.reason


def test_the_next_page_begins_after_the_rows_really_returned(api: Api, rest: responses.RequestsMock) -> None:
    pages = Pages(rest, 130, size=50)

    assert len(rows(api.everything("incidents", {}))) == 130
    assert [offset for offset, _ in pages.asked] == [0, 50, 100]


@pytest.mark.parametrize(("count", "complete"), [(10_000, True), (10_001, False)])
def test_beyond_10000_it_says_so(api: Api, rest: responses.RequestsMock, count: int, complete: bool) -> None:
    pages = Pages(rest, count)

    walk = api.everything("incidents", {})

    assert (len(rows(walk)), walk.ending.complete) == (10_000, complete)
    assert ("10,000" in walk.ending.reason) is not complete
    assert all(offset + limit <= 10_000 for offset, limit in pages.asked)


def test_the_last_page_before_the_cap_asks_for_what_is_left(api: Api, rest: responses.RequestsMock) -> None:
    pages = Pages(rest, 20_000, size=70)

    assert len(rows(api.everything("incidents", {}))) == 10_000
    assert max(offset + limit for offset, limit in pages.asked) == 10_000


def test_more_without_rows_ends_and_says_so(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/incidents", json={"incidents": [], "more": True})

    walk = api.everything("incidents", {})

    assert rows(walk) == []
    assert not walk.ending.complete
    assert "returned none" in walk.ending.reason


def test_a_walk_that_was_left_is_not_complete(api: Api, rest: responses.RequestsMock) -> None:
    Pages(rest, 250)
    walk = api.everything("incidents", {})
    next(iter(walk))
    assert not walk.ending.complete


def test_a_row_that_moved_between_pages_is_listed_once(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/incidents", json={"incidents": [{"id": "P1"}, {"id": "P2"}], "more": True})
    rest.get(f"{BASE}/incidents", json={"incidents": [{"id": "P2"}, {"id": "P3"}], "more": False})

    assert [row["id"] for row in rows(api.everything("incidents", {}))] == ["P1", "P2", "P3"]


@pytest.mark.parametrize("body", [{}, {"incidents": None}, {"incidents": {"id": "P1"}}])
def test_a_page_without_rows_is_an_error_not_an_empty_list(
    api: Api, rest: responses.RequestsMock, body: Any
) -> None:
    rest.get(f"{BASE}/incidents", json=body)

    with pytest.raises(PagerDutyError, match="holds no incidents"):
        rows(api.everything("incidents", {}))


def test_filters_are_spelled_as_pagerduty_spells_them(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/incidents", json={"incidents": [], "more": False})

    api.page("incidents", {"statuses": ["triggered", "resolved"], "total": True, "since": "2026-11-01"})

    request: Any = rest.calls[0].request  # responses gives it `params`
    assert request.params == {
        "statuses[]": ["triggered", "resolved"],
        "total": "true",
        "since": "2026-11-01",
    }


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("\ud800 half", "? half"),
        ("\x00nul", "nul"),
        ("\U0001f525 whole", "\U0001f525 whole"),
        ("Größe", "Größe"),
    ],
)
def test_what_no_answer_of_ours_could_carry_is_not_read(
    api: Api, rest: responses.RequestsMock, said: str, read: str
) -> None:
    rest.get(f"{BASE}/incidents/P2", json={"incident": {"title": said, said: [said]}})
    assert api.get_incident("P2") == {"incident": {"title": read, read: [read]}}

    error = failed(api, rest, status=400, json={"error": {"code": 2001, "message": said}})
    assert said == read or said not in str(error)
    json.dumps(str(error), ensure_ascii=False).encode()
