"""On call for a service or an escalation policy, level by level; who is next; times without anyone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine
from django.core.cache import cache

from connections.models import Connection, Grant
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from tests.support.sandbox_actions import ACCOUNT, act, connection, output

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
SERVICE, POLICY, LAYERS, SHIFTS = "PSVC00", "PPOL00", "PSCHED02", "PSHIFT0"
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox) -> Any:
    """Dana, Eli and Farah, a day each; behind them Gus, by day only; then Hana."""

    def ask(path: str, **body: Any) -> None:
        with requests.Session() as session:
            session.trust_env = False
            assert session.post(f"{server.url}/_sandbox/{path}", json=body, timeout=5).ok

    ask(f"schedules/{LAYERS}", start=str(NINE - DAY), turn_seconds=86_400)
    day = {"start": str(NINE - DAY), "end": str(NINE - DAY + 8 * HOUR), "time_zone": "Etc/UTC"}
    ask(
        f"schedules/{SHIFTS}", rotations=[[{**day, "recurrence": ["RRULE:FREQ=DAILY"], "users": ["PUSER03"]}]]
    )
    ask(f"escalation_policies/{POLICY}", levels=[[LAYERS], [SHIFTS, LAYERS], ["PUSER04"]])
    return ask


def names(users: list[dict[str, Any]]) -> list[str]:
    return [user["name"].split()[0] for user in users]


def grant_only(sandbox: Sandbox, *scopes: str) -> None:
    """Grant these scopes alone. A new consent has a new token, of which nothing is cached."""
    cache.clear()
    grant = next(row for row in sandbox.store.all("grant") if row["account"] == ACCOUNT)
    sandbox.store.put("grant", grant["id"], grant | {"scopes": list(scopes)})
    Grant.objects.update(scopes_granted=list(scopes))


def test_each_level_of_a_service_until_when_and_who_is_next(act: Any, tell: Any) -> None:
    found = output(act("get-on-call", {"service_id": SERVICE, "at": str(NINE + HOUR)}))

    assert [names(level["users"]) for level in found["levels"]] == [["Eli"], ["Eli", "Gus"], ["Hana"]]
    untils = [(NINE + DAY).isoformat(), (NINE + 8 * HOUR).isoformat(), None]
    assert [level["until"] for level in found["levels"]] == untils
    assert names(found["levels"][0]["next"]["users"]) == ["Farah"]
    assert names(found["levels"][1]["next"]["users"]) == ["Eli"]
    assert found["levels"][2]["next"] is None
    assert (names(found["users"]), found["until"]) == (["Eli"], untils[0])
    assert found["next"]["until"] == (NINE + 2 * DAY).isoformat()
    assert (found["service"]["summary"], found["escalation_policy"]["id"]) == ("Payments", POLICY)
    assert found["schedule"] is None


def test_a_policy_is_read_with_the_optional_scope_or_found_behind_a_service(
    act: Any, tell: Any, sandbox: Sandbox, connection: Connection
) -> None:
    given = {"escalation_policy_id": POLICY, "at": str(NINE + HOUR)}
    known = ["services.read", "schedules.read", "users.read"]

    grant_only(sandbox, *known)
    behind_a_service = output(act("get-on-call", given))
    grant_only(sandbox, *known[1:], "escalation_policies.read")
    by_itself = output(act("get-on-call", given))

    assert behind_a_service == by_itself
    assert [names(level["users"]) for level in by_itself["levels"]] == [["Eli"], ["Eli", "Gus"], ["Hana"]]
    assert by_itself["service"] is None
    grant_only(sandbox, *known)
    unknown = act("get-on-call", {"escalation_policy_id": "PNONE"})
    assert (unknown.status, unknown.error["code"]) == ("failed", "not_found_at_provider")
    assert act("get-on-call", {"service_id": "PNONE"}).error["code"] == "service_not_found"


def test_who_is_next_after_a_gap(act: Any, tell: Any) -> None:
    found = output(act("get-on-call", {"schedule_id": SHIFTS, "at": str(NINE + 2 * HOUR)}))
    at_night = output(act("get-on-call", {"schedule_id": SHIFTS, "at": str(NINE + 10 * HOUR)}))

    assert (names(found["users"]), found["until"]) == (["Gus"], (NINE + 8 * HOUR).isoformat())
    assert (names(found["next"]["users"]), found["next"]["at"]) == (["Gus"], (NINE + DAY).isoformat())
    assert (at_night["users"], at_night["until"]) == ([], (NINE + DAY).isoformat())
    assert at_night["next"]["until"] == (NINE + DAY + 8 * HOUR).isoformat()
    assert (found["levels"], found["service"], found["escalation_policy"]) == ([], None, None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "schedule_id"),
        ({"schedule_id": "A1", "service_id": "B1"}, "service_id"),
        ({"service_id": "A1", "escalation_policy_id": "B1"}, "escalation_policy_id"),
    ],
)
@pytest.mark.parametrize("action", ["get-on-call", "find-on-call-gaps"])
def test_exactly_one_target(action: str, given: dict[str, str], field: str) -> None:
    from rest_framework.exceptions import ValidationError

    from pagerduty_app.actions import ACTIONS

    with pytest.raises(ValidationError) as refused:
        ACTIONS[f"pagerduty/{action}"].checked(given)
    assert list(refused.value.detail) == [field]


def test_gaps_of_a_schedule_and_none_behind_a_service(act: Any, tell: Any) -> None:
    with time_machine.travel(NINE + 10 * HOUR, tick=False):
        found = output(act("find-on-call-gaps", {"schedule_id": SHIFTS, "days": 2}))
        behind = output(act("find-on-call-gaps", {"service_id": SERVICE}))
        tell(f"escalation_policies/{POLICY}", levels=[[SHIFTS]])
        at_night = output(act("find-on-call-gaps", {"escalation_policy_id": POLICY, "days": 1}))

    assert [(gap["start"][8:13], gap["end"] and gap["end"][8:13], gap["hours"]) for gap in found["gaps"]] == [
        ("30T19", "01T09", 14.0),
        ("01T17", "02T09", 16.0),
        ("02T17", None, None),
    ]
    assert (found["covered"], found["schedule"]["id"]) == (False, SHIFTS)
    assert (behind["covered"], behind["gaps"], behind["until"]) == (
        True,
        [],
        (NINE + 10 * HOUR + 7 * DAY).isoformat(),
    )
    assert [gap["hours"] for gap in at_night["gaps"]] == [14.0, None]


def test_an_empty_schedule_is_one_gap_whose_end_is_not_known(act: Any, tell: Any) -> None:
    tell(f"schedules/{LAYERS}", users=[])

    found = output(act("find-on-call-gaps", {"schedule_id": LAYERS, "days": 30}))

    (gap,) = found["gaps"]
    assert (gap["start"], gap["end"], gap["hours"]) == (found["since"], None, None)
