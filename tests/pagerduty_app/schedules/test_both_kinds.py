"""Actions and pickers see schedules of both kinds as one; the kind is remembered, and asked again when it changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.grants import tokens
from connections.models import Connection, Grant
from pagerduty_app.actions import LOOKUPS
from pagerduty_app.client import Api
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules import definitions
from pagerduty_app.sandbox.world.schedules.upgrade import upgrade
from tests.support.sandbox_actions import ACCOUNT, act, asked, connection, fault, output  # noqa: F401
from workflows.catalog import Incomplete, Option, ProviderError

pytestmark = pytest.mark.django_db
SHIFTS, LAYERS = "PSHIFT0", "PSCHED02"


def names(result: dict[str, Any]) -> list[str]:
    return [row["name"] for row in result["schedules"]]


LAYERED = ["Primary on call", "Weekend on call", "Daily rotation"]


def test_schedules_of_both_kinds_are_listed_together(act: Any) -> None:  # noqa: F811
    found = output(act("list-schedules", {"all": True}))

    assert names(found) == [*LAYERED, "Shifts around the clock"]
    assert (found["complete"], found["total"]) == (True, 4)
    assert names(output(act("list-schedules", {"query": "on call"}))) == LAYERED[:2]
    assert names(output(act("list-schedules", {"query": "CLOCK", "all": True}))) == [
        "Shifts around the clock"
    ]


def test_pages_go_from_one_kind_to_the_other(act: Any, sandbox: Sandbox) -> None:  # noqa: F811
    pages = [output(act("list-schedules", {"offset": at, "limit": 2})) for at in (0, 2, 3, 4)]

    assert [names(page) for page in pages] == [
        LAYERED[:2],
        [LAYERED[2], "Shifts around the clock"],
        ["Shifts around the clock"],
        [],
    ]
    assert [page["more"] for page in pages] == [True, False, False, False]


@pytest.mark.parametrize(
    ("path", "left", "missing"),
    [
        ("^/v3/schedules$", LAYERED, "Shift-based"),
        ("^/schedules$", ["Shifts around the clock"], "Layer-based"),
    ],
)
@pytest.mark.parametrize("given", [{}, {"all": True}])
def test_a_kind_that_is_refused_is_said_to_be_missing(
    act: Any,  # noqa: F811
    sandbox: Sandbox,
    path: str,
    left: list[str],
    missing: str,
    given: dict[str, Any],
) -> None:
    fault(sandbox, "status", path, "GET", status=403)

    found = output(act("list-schedules", given))

    assert names(found) == left
    assert found["complete"] is False
    assert found["incomplete_reason"].startswith(f"{missing} schedules are missing: PagerDuty refused")


def test_both_refused_is_an_error_and_a_failure_is_no_refusal(act: Any, sandbox: Sandbox) -> None:  # noqa: F811
    for path in ("^/v3/schedules$", "^/schedules$"):
        fault(sandbox, "status", path, "GET", status=403)
    assert act("list-schedules", {}).status == "failed"
    sandbox.faults.clear()
    fault(sandbox, "status", "^/v3/schedules$", "GET", status=503)
    assert act("list-schedules", {"query": "any"}).status == "waiting"


def test_pickers_offer_both_kinds(connection: Connection, sandbox: Sandbox) -> None:  # noqa: F811
    api = opened(connection, sandbox)
    load = LOOKUPS["pagerduty/schedules"].load

    assert [one.value for one in load(api, "") if isinstance(one, Option)] == [
        "PSCHED00",
        "PSCHED01",
        "PSCHED02",
        SHIFTS,
    ]
    assert list(load(api, "around")) == [Option(SHIFTS, "Shifts around the clock")]
    fault(sandbox, "status", "^/v3/schedules$", "GET", status=404)
    *layered, missing = load(api, "")
    assert len(layered) == 3
    assert isinstance(missing, Incomplete)
    assert missing.reason.startswith("Shift-based schedules are missing: PagerDuty refused")


def opened(connection: Connection, sandbox: Sandbox) -> Api:  # noqa: F811
    return Api(sandbox.base_url, tokens.access_token(connection), lambda: None)


def test_on_call_in_a_shift_based_schedule_two_at_once(act: Any, sandbox: Sandbox) -> None:  # noqa: F811
    now = timezone.now().replace(microsecond=0)
    shift = definitions.event(
        now - timedelta(hours=1),
        now + timedelta(hours=2),
        "Etc/UTC",
        ["RRULE:FREQ=DAILY"],
        ["PUSER01", "PUSER02"],
        every=True,
    )
    schedule = sandbox.store.get("schedule_v3", SHIFTS) or {}
    sandbox.store.put("schedule_v3", SHIFTS, {**schedule, "rotations": [definitions.rotation([shift])]})

    now_on_call = output(act("get-on-call", {"schedule_id": SHIFTS}))
    listed = output(act("list-on-call", {"schedule_id": SHIFTS}))
    empty = output(act("get-on-call", {"schedule_id": SHIFTS, "at": str(now + timedelta(hours=3))}))

    assert [user["email"] for user in now_on_call["users"]] == ["eli@acme.example", "farah@acme.example"]
    assert now_on_call["until"] == (now + timedelta(hours=2)).isoformat()
    assert now_on_call["schedule"]["summary"] == "Shifts around the clock"
    assert [user["name"] for user in listed["users"]] == ["Eli Novak", "Farah Haddad"]
    assert (empty["users"], empty["until"]) == ([], (now + timedelta(hours=23)).isoformat())


def test_the_kind_and_the_users_are_remembered_and_an_upgrade_is_noticed(
    act: Any,  # noqa: F811
    sandbox: Sandbox,
) -> None:
    def requests() -> tuple[int, int, int]:
        paths = (f"/v3/schedules/{LAYERS}", f"/schedules/{LAYERS}")
        users = [row for row in sandbox.requests if row["path"].startswith("/users/P")]
        return (*(len(asked(sandbox, "GET", path)) for path in paths), len(users))  # type: ignore[return-value]

    first = output(act("get-on-call", {"schedule_id": LAYERS}))
    assert requests() == (1, 1, 2)
    output(act("get-on-call", {"schedule_id": LAYERS}))
    assert requests() == (1, 2, 2)

    upgrade(sandbox.store, sandbox.store.get("schedule", LAYERS) or {}, timezone.now())
    after = [output(act("get-on-call", {"schedule_id": LAYERS})) for _ in range(2)]

    assert requests() == (3, 3, 2)
    for one in after:
        assert [user["id"] for user in one["users"]] == [user["id"] for user in first["users"]]
        assert one["until"] == first["until"]


def test_a_schedule_of_neither_kind_is_not_found(act: Any, sandbox: Sandbox) -> None:  # noqa: F811
    call = act("get-on-call", {"schedule_id": "PGONE"})

    assert (call.status, call.error["code"]) == ("failed", "not_found_at_provider")


def test_where_v3_is_closed_layers_are_read_and_users_need_one_scope(
    act: Any,  # noqa: F811
    sandbox: Sandbox,
    connection: Connection,  # noqa: F811
) -> None:
    fault(sandbox, "status", "^/v3/", "GET", status=403, times=9)
    assert output(act("get-on-call", {"schedule_id": LAYERS}))["users"]
    assert act("get-on-call", {"schedule_id": SHIFTS}).error["provider_status"] == 403
    sandbox.faults.clear()
    grant = next(row for row in sandbox.store.all("grant") if row["account"] == ACCOUNT)
    sandbox.store.put("grant", grant["id"], grant | {"scopes": ["users.read"]})
    Grant.objects.update(scopes_granted=["users.read"])

    assert output(act("list-on-call", {"schedule_id": "PSCHED00"}))["users"]


def test_users_that_are_gone_keep_their_id(act: Any, sandbox: Sandbox) -> None:  # noqa: F811
    found = sandbox.store.get("schedule", LAYERS) or {}
    gone = {"id": "PGONE1", "type": "user_reference", "summary": "Gone", "self": None, "html_url": None}
    found["schedule_layers"][0]["users"] = [{"user": gone}]
    sandbox.store.put("schedule", LAYERS, found)

    (user,) = output(act("get-on-call", {"schedule_id": LAYERS}))["users"]

    assert (user["id"], user["summary"]) == ("PGONE1", "Gone")


def test_a_user_that_cannot_be_read_fails_the_look(sandbox: Sandbox, connection: Connection) -> None:  # noqa: F811
    from pagerduty_app.schedules.people import users_by_id

    api = opened(connection, sandbox)
    fault(sandbox, "status", "^/users/", "GET", status=503)
    with pytest.raises(ProviderError) as refused:
        users_by_id(api, ["PUSER00"])
    assert refused.value.retryable
    assert users_by_id(api, ["PUSER00"])["PUSER00"]["name"] == "Dana Rivera"
