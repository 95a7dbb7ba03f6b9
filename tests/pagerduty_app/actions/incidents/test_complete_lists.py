"""Every incident is listed: beyond 10,000, over years, and while the list changes under the reader's hands."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from pagerduty_app.client import Api, PagerDutyError, Walk
from pagerduty_app.client.by_creation import by_creation
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.conftest import BASE
from tests.support.sandbox_incidents import fill

Ask = Callable[[dict[str, Any]], dict[str, Any]]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def api(sandbox: Sandbox) -> Api:
    sandbox.rate_limit.per_minute = 1_000_000
    consent = {
        "client": "c",
        "account": "PACME01",
        "user": sandbox.person("PACME01")["id"],
        "scopes": ["read"],
    }
    grant = {**consent, "id": "PGRANT", "revoked": False}
    sandbox.store.put("grant", "PGRANT", grant, "PACME01")
    token = sandbox.tokens._answer(grant)["access_token"]
    return Api(sandbox.base_url, token, lambda: None)


def ids(walk: Any) -> list[str]:
    return [row["id"] for page in walk for row in page]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 1_000])
def test_each_comes_once_and_in_order(api: Api, sandbox: Sandbox, count: int) -> None:
    made = fill(sandbox, count)
    walk = api.all_incidents({}, None, None)
    assert ids(walk) == made
    assert walk.ending.complete


@pytest.mark.slow
def test_beyond_10000(api: Api, sandbox: Sandbox) -> None:
    made = fill(sandbox, 10_150)
    walk = api.all_incidents({"service_ids": ["PSVC00"]}, None, None)
    assert ids(walk) == made
    assert walk.ending.complete


def test_over_years_with_gaps(api: Api, sandbox: Sandbox) -> None:
    old = fill(sandbox, 120, apart=timedelta(hours=1), newest=datetime(2019, 3, 1, tzinfo=UTC))
    new = fill(sandbox, 130, apart=timedelta(days=1))
    assert ids(api.all_incidents({}, None, None)) == old + new
    assert ids(api.all_incidents({}, datetime(2019, 1, 1, tzinfo=UTC), None)) == old + new
    assert ids(api.all_incidents({}, datetime(2021, 1, 1, tzinfo=UTC), None)) == new


def test_only_what_was_created_in_between(api: Api, sandbox: Sandbox) -> None:
    made = fill(sandbox, 300, apart=timedelta(hours=1), newest=NOW)
    found = ids(api.all_incidents({}, NOW - timedelta(hours=250), NOW - timedelta(hours=20)))
    assert found == made[49:-21]


def test_hundreds_in_one_second(api: Api, sandbox: Sandbox) -> None:
    before = fill(sandbox, 150, newest=NOW - timedelta(minutes=1))
    together = fill(sandbox, 430, apart=timedelta(0), newest=NOW)
    after = fill(sandbox, 150, newest=NOW + timedelta(minutes=30))
    assert sorted(ids(api.all_incidents({}, None, None))) == sorted(before + together + after)


def test_a_burst_that_shrinks_while_it_is_read_loses_nobody(api: Api, sandbox: Sandbox) -> None:
    together = fill(sandbox, 430, apart=timedelta(0), newest=NOW)
    walk = iter(api.all_incidents({"statuses": ["triggered"]}, None, None))
    read = next(walk) + next(walk)
    for row in read[:60]:
        sandbox.incidents.change("PACME01", sandbox.person("PACME01"), row["id"], {"status": "resolved"})

    read += [row for page in walk for row in page]

    assert sorted(row["id"] for row in read) == sorted(together)


def test_while_rows_come_and_go(api: Api, sandbox: Sandbox) -> None:
    """After each page some already read, and some still to be read, leave the filter or go altogether."""
    made = fill(sandbox, 1_000)
    gone: set[str] = set()
    read: list[str] = []
    user = sandbox.person("PACME01")
    for number, page in enumerate(api.all_incidents({"statuses": ["triggered"]}, None, None)):
        read += [row["id"] for row in page]
        for position, act in (
            (number * 20, "resolve"),
            (number * 20 + 7, "delete"),
            (999 - number * 11, "resolve"),
        ):
            some_id = made[position]
            if some_id in gone:
                continue
            gone.add(some_id)
            if act == "delete":
                sandbox.incidents.delete("PACME01", some_id)
            else:
                sandbox.incidents.change("PACME01", user, some_id, {"status": "resolved"})
        fill(sandbox, 15)

    assert len(read) == len(set(read)), "none twice"
    assert set(made) - gone <= set(read), "none missing"


# --- servers that do not keep to it ---------------------------------------------------------------------
class Loose:
    """A server that knows offset and limit alone."""

    def __init__(self, rest: responses.RequestsMock, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked = 0
        rest.add_callback("GET", f"{BASE}/incidents", self.answer)

    def answer(self, request: Any) -> Any:
        self.asked += 1
        offset, limit = int(request.params["offset"]), int(request.params["limit"])
        part = self.rows[offset : offset + limit]
        more = offset + limit < len(self.rows)
        return 200, {}, json.dumps({"incidents": part, "more": more, "offset": offset, "limit": limit})


def _row(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"P{number}", **fields}


@pytest.mark.parametrize(
    "created",
    [
        lambda number: {},
        lambda number: {"created_at": (NOW + timedelta(minutes=number)).isoformat()},
        lambda number: {"created_at": (NOW - timedelta(minutes=number)).isoformat()},
        lambda number: {"created_at": NOW.isoformat()},
        lambda number: {"created_at": "yesterday"},
    ],
    ids=["without times", "since ignored", "order ignored", "all at once", "no times"],
)
def test_a_server_that_knows_offsets_alone_is_read_by_offset(
    rest: responses.RequestsMock, created: Callable[[int], dict[str, Any]]
) -> None:
    rows = [_row(number, **created(number)) for number in range(730)]
    server = Loose(rest, rows)

    walk = Api(BASE, "t", lambda: None).all_incidents({}, None, None)

    assert ids(walk) == [row["id"] for row in rows]
    assert walk.ending.complete
    assert server.asked <= 10


class Sly:
    """A server that answers each request with what `page` makes of it."""

    def __init__(
        self, rest: responses.RequestsMock, page: Callable[[dict[str, str]], dict[str, Any]]
    ) -> None:
        self.page = page
        self.asked: list[dict[str, str]] = []
        rest.add_callback("GET", f"{BASE}/incidents", self.answer)

    def answer(self, request: Any) -> Any:
        self.asked.append(request.params)
        return 200, {}, json.dumps(self.page(request.params))


def test_pages_of_one_row_come_to_an_end(rest: responses.RequestsMock) -> None:
    rows = [_row(number, created_at=NOW.isoformat()) for number in range(5)]

    def one(params: dict[str, str]) -> dict[str, Any]:
        offset = int(params["offset"])
        return {"incidents": rows[offset : offset + 1], "more": offset + 1 < len(rows)}

    server = Sly(rest, one)
    walk = Api(BASE, "t", lambda: None).all_incidents({}, None, None)
    next(iter(walk))
    for _ in walk:
        assert len(server.asked) < 200


def test_the_far_future_and_the_time_before_pagerduty_are_not_asked_for(rest: responses.RequestsMock) -> None:
    server = Sly(rest, lambda params: {"incidents": [], "more": False})
    far = datetime(2100, 1, 1, tzinfo=UTC)
    list(Api(BASE, "t", lambda: None).all_incidents({}, datetime(2000, 1, 1, tzinfo=UTC), far))
    assert len(server.asked) < 60


def test_a_span_that_was_not_read_whole_is_not_complete(rest: responses.RequestsMock) -> None:
    """The order is not kept, so it is read by offset, of which PagerDuty shows half a year at once."""
    rows = [_row(number, created_at=(NOW - timedelta(days=number)).isoformat()) for number in range(150)]
    Loose(rest, rows)
    walk = Api(BASE, "t", lambda: None).all_incidents({}, NOW - timedelta(days=599), NOW)
    ids(walk)
    assert not walk.ending.complete
    assert "order" in walk.ending.reason


def test_a_list_that_changes_faster_than_it_can_be_read_is_not_complete(rest: responses.RequestsMock) -> None:
    counter = iter(range(1_000_000))

    def always_others(params: dict[str, str]) -> dict[str, Any]:
        return {
            "incidents": [_row(next(counter), created_at=NOW.isoformat()) for _ in range(100)],
            "more": True,
        }

    server = Sly(rest, always_others)
    walk = Api(BASE, "t", lambda: None).all_incidents({}, None, None)
    ids(walk)
    assert not walk.ending.complete
    assert len(server.asked) < 300


@pytest.mark.parametrize("some_id", [None, 7, ["x"], {"a": 1}])
def test_a_row_without_a_proper_id_is_an_error(rest: responses.RequestsMock, some_id: Any) -> None:
    Sly(rest, lambda params: {"incidents": [{"id": some_id, "created_at": NOW.isoformat()}], "more": False})
    with pytest.raises(PagerDutyError, match="holds no incidents"):
        ids(Api(BASE, "t", lambda: None).all_incidents({}, None, None))


def test_two_pages_in_turn_end_with_an_error() -> None:
    """A server that goes back to a page which has come would be asked until the offset has no room left."""
    at = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    first = [{"id": f"P{number}", "created_at": at} for number in range(3)]
    asked: list[Any] = []

    def fetch(query: Any) -> dict[str, Any]:
        asked.append(query)
        rows = first if len(asked) % 2 else [first[-1], {"id": "P9", "created_at": at}]
        return {"incidents": rows, "more": True}

    walk = Walk(by_creation(fetch, NOW - timedelta(days=1), NOW + timedelta(days=1)))
    with pytest.raises(PagerDutyError, match="the same page again"):
        ids(walk)

    assert len(asked) <= 5
