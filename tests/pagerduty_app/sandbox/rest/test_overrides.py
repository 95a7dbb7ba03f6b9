"""Overrides of the sandbox over REST, of both kinds of schedules: scopes, bounds, and who is on call then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.world.schedules.on_call import on_call_at
from tests.pagerduty_app.sandbox.conftest import SIX, Ask, SignIn
from tests.support.contract import Contract

SHIFTS, LAYERS = "PSHIFT0", "PSCHED02"
AT = datetime(2026, 12, 7, 9, tzinfo=UTC)
END = AT + timedelta(hours=2)
WEEK = {"since": "2026-12-07T10:00:00Z", "until": "2026-12-08T00:00:00Z"}
ELI = {"type": "user_member", "user_id": "PUSER01"}
GUS = {"type": "user_member", "user_id": "PUSER03"}


@pytest.fixture
def write(sign_in: SignIn, contract: Contract | None) -> Any:
    """write(path, body): a POST with schedules.write; requests and answers are held against PagerDuty's file."""
    token = sign_in.tokens(scope=f"openid {SIX} schedules.write")

    def post(path: str, body: dict[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        url = sign_in.base_url + path
        answer = sign_in.http.post(url, headers=headers, json=body, timeout=10)
        if contract:
            sent = {"Content-Type": "application/json", "Accept": "application/vnd.pagerduty+json;version=2"}
            contract.check_response("POST", path, answer.status_code, answer.json())
            if answer.status_code == 201:
                contract.check_request("POST", path, [], sent, body)
        return answer

    return post


def layered(user: str = "PUSER03", start: datetime = AT, end: datetime = END) -> dict[str, Any]:
    times = {"start": start.isoformat(), "end": end.isoformat()}
    return {**times, "user": {"id": user, "type": "user_reference"}}


def replacing(sandbox: Sandbox, who: dict[str, Any], **more: Any) -> dict[str, Any]:
    rotation = (sandbox.store.get("schedule_v3", SHIFTS) or {})["rotations"][0]["id"]
    times = {"start_time": AT.isoformat(), "end_time": END.isoformat()}
    members = {"overridden_member": who, "overriding_member": GUS}
    return {"type": "override_shift", "rotation_id": rotation, **times, **members, **more}


def covering(**more: Any) -> dict[str, Any]:
    assignments = [{"type": "shift_assignment", "member": GUS}]
    times = {"start_time": AT.isoformat(), "end_time": END.isoformat()}
    return {"type": "custom_shift", **times, "assignments": assignments, **more}


def on_call(sandbox: Sandbox, some_id: str) -> list[str]:
    schedule = sandbox.store.get("schedule_v3", some_id) or sandbox.store.get("schedule", some_id) or {}
    return on_call_at(sandbox.store, schedule, AT)


def test_each_layer_based_override_has_a_result_of_its_own(ask: Ask, write: Any, sandbox: Sandbox) -> None:
    wanted = [layered(), layered(end=AT), layered(user="PNOBODY")]

    answer = write(f"/schedules/{LAYERS}/overrides", {"overrides": wanted})

    assert [row["status"] for row in answer.json()] == [201, 400, 400]
    listed = ask("GET", f"/schedules/{LAYERS}/overrides", params=WEEK | {"overflow": "true"}).json()
    assert listed["overrides"] == [answer.json()[0]["override"]]
    (cut,) = ask("GET", f"/schedules/{LAYERS}/overrides", params=WEEK).json()["overrides"]
    assert cut["start"] == "2026-12-07T10:00:00+00:00"
    assert on_call(sandbox, LAYERS) == ["PUSER03"]


def test_an_override_of_shifts_replaces_a_member_and_a_custom_shift_adds_one(
    ask: Ask, write: Any, sandbox: Sandbox
) -> None:
    (before,) = on_call(sandbox, SHIFTS)
    wanted = replacing(sandbox, {"type": "user_member", "user_id": before})
    path = f"/v3/schedules/{SHIFTS}"

    assert write(f"{path}/custom_shifts", {"custom_shifts": [covering()]}).status_code == 201
    assert on_call(sandbox, SHIFTS) == sorted([before, "PUSER03"])
    made = write(f"{path}/overrides", {"overrides": [wanted]}).json()["overrides"]

    assert on_call(sandbox, SHIFTS) == ["PUSER03"]
    listed = ask("GET", f"{path}/overrides", params=WEEK | {"overflow": "true"}).json()
    assert (listed["overrides"], listed["more"]) == (made, False)
    assert len(ask("GET", f"{path}/custom_shifts", params=WEEK).json()["custom_shifts"]) == 1


def test_shift_based_writes_are_all_or_nothing(write: Any, sandbox: Sandbox) -> None:
    (before,) = on_call(sandbox, SHIFTS)
    right = replacing(sandbox, {"type": "user_member", "user_id": before})
    wrong = [
        replacing(sandbox, ELI if before != "PUSER01" else GUS),
        right | {"custom_shift_id": "PX"},
        right | {"end_time": AT.isoformat()},
        right | {"overriding_member": {"type": "user_member", "user_id": "PNOBODY"}},
    ]

    for one in wrong:
        answer = write(f"/v3/schedules/{SHIFTS}/overrides", {"overrides": [right, one]})
        assert answer.status_code == 400, one
    assert on_call(sandbox, SHIFTS) == [before]


def test_each_kind_refuses_the_other_and_both_ends_are_required(ask: Ask, write: Any) -> None:
    assert write(f"/schedules/{SHIFTS}/overrides", {"overrides": [layered()]}).status_code == 400
    assert write(f"/v3/schedules/{LAYERS}/custom_shifts", {"custom_shifts": [covering()]}).status_code == 400
    for path in (f"/schedules/{LAYERS}/overrides", f"/v3/schedules/{SHIFTS}/overrides"):
        assert ask("GET", path, params={"since": WEEK["since"]}).status_code == 400
    assert write("/schedules/PNONE/overrides", {"overrides": [layered()]}).status_code == 404


def test_a_write_needs_the_scope(ask: Ask, sandbox: Sandbox) -> None:
    for path in (f"/schedules/{LAYERS}/overrides", f"/v3/schedules/{SHIFTS}/overrides"):
        refused = ask("POST", path, json={"overrides": [layered()]})
        assert refused.status_code == 403
        assert refused.json()["error"]["required_scopes"] == "schedules.write"
