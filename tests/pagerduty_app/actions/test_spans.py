"""Windows and moments: both ends are always sent and told, and a moment is not a window."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine

from connections.models import Connection
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.support.sandbox_actions import ACCOUNT, act, asked, connection, output

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
ROTATION = "PSCHED02"


def created(sandbox: Sandbox, *, days_ago: int, **more: Any) -> str:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    some_id: str = sandbox.incidents.insert(
        ACCOUNT, "PSVC00", created_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), **more
    )["id"]
    return some_id


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def queries(sandbox: Sandbox, path: str) -> list[dict[str, list[str]]]:
    return [parse_qs(row["query"]) for row in asked(sandbox, "GET", path)]


# --- incidents -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("pages", [{}, {"all": True}], ids=["one page", "all pages"])
def test_since_without_until_goes_until_now(act: Any, sandbox: Sandbox, pages: dict[str, Any]) -> None:
    new, old = created(sandbox, days_ago=0), created(sandbox, days_ago=80)

    found = output(act("list-incidents", {"since": ago(100), **pages}))

    assert {row["id"] for row in found["incidents"]} == {old, new}
    assert found["more"] is False
    assert abs(datetime.fromisoformat(found["until"]) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "window",
    [{}, {"since": "100"}, {"until": "10"}, {"since": "100", "until": "10"}, {"date_range": "all"}],
    ids=["none", "since", "until", "both", "all"],
)
@pytest.mark.parametrize("pages", [{}, {"all": True}], ids=["one page", "all pages"])
def test_both_ends_are_sent_and_told(
    act: Any, sandbox: Sandbox, window: dict[str, str], pages: dict[str, Any]
) -> None:
    created(sandbox, days_ago=3)
    given = {name: ago(int(days)) if days.isdigit() else days for name, days in window.items()}

    found = output(act("list-incidents", given | pages))

    for query in queries(sandbox, "/incidents"):
        if window == {"date_range": "all"} and not pages:
            assert query["date_range"] == ["all"]
        elif "date_range" not in query:
            assert len(query["since"]) == len(query["until"]) == 1
    if "date_range" in window:
        assert (found["date_range"], "until" in found) == ("all", False)
    else:
        told = {name: datetime.fromisoformat(found[name]) for name in ("since", "until")}
        assert {name: found[name] for name in given} == given
        assert told["since"] < told["until"]


def test_a_window_of_more_than_six_months_until_now_is_refused_by_name(act: Any) -> None:
    with pytest.raises(Problem) as refused:
        act("list-incidents", {"since": ago(190)})

    assert refused.value.fields == {"since": ["At most six months ago without until, or all pages."]}
    assert output(act("list-incidents", {"since": ago(190), "all": True}))["complete"]


def test_a_beginning_that_has_yet_to_come_has_an_end(act: Any) -> None:
    since = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    assert output(act("list-incidents", {"since": since}))["incidents"] == []


def test_resolved_incidents_of_a_person_are_refused_naming_both(act: Any, sandbox: Sandbox) -> None:
    created(sandbox, days_ago=1, status="resolved")
    for statuses in (["resolved"], ["resolved", "resolved"]):
        with pytest.raises(Problem) as refused:
            act("list-incidents", {"user_ids": ["PUSER00"], "statuses": statuses})
        assert set(refused.value.fields or {}) == {"user_ids", "statuses"}

    both = output(act("list-incidents", {"user_ids": ["PUSER00"], "statuses": ["triggered", "resolved"]}))
    assert both["incidents"] == []


# --- on call -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", ["list-on-call", "get-on-call"])
@pytest.mark.parametrize(
    ("at", "people"),
    [
        ("2026-11-03T07:59:30+00:00", ["eli@acme.example"]),
        ("2026-11-03T07:59:59.900000+00:00", ["eli@acme.example"]),
        ("2026-11-03T08:00:00+00:00", ["farah@acme.example"]),
        ("2026-11-03T08:00:00.100000+00:00", ["farah@acme.example"]),
    ],
)
def test_on_call_now_is_who_is_on_call_at_that_moment(
    act: Any, connection: Connection, action: str, at: str, people: list[str]
) -> None:
    connection.grant.expires_at = connection.grant.next_refresh_at = datetime(2100, 1, 1, tzinfo=UTC)
    connection.grant.save()
    with time_machine.travel(datetime.fromisoformat(at), tick=False):
        found = output(act(action, {"schedule_id": ROTATION}))

    assert [user["email"] for user in found["users"]] == people


def test_a_window_on_call_names_everybody_in_it_and_says_which(act: Any) -> None:
    window = {"since": "2026-11-03T07:59:30+00:00", "until": "2026-11-03T08:00:30+00:00"}

    found = output(act("list-on-call", {"schedule_id": ROTATION, **window}))

    assert len(found["users"]) == 2
    assert {name: found[name] for name in window} == window
