"""The sandbox's REST API behaves as PagerDuty documents it (developer docs, REST API; api-schema)."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.sandbox.conftest import Ask, SignIn
from tests.support.contract import HINT, Contract


def error(answer: Any, status: int, code: int, more: Collection[str] = ()) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    refusal: dict[str, Any] = answer.json()["error"]
    assert refusal["code"] == code
    assert set(refusal) == {"message", "code", "errors", *more}
    return refusal


def new(title: Any = "Checkout is slow", service: str = "PSVC00", **more: Any) -> dict[str, Any]:
    service_reference = {"id": service, "type": "service_reference"}
    return {"incident": {"type": "incident", "title": title, "service": service_reference} | more}


def opened(ask: Ask, **more: Any) -> dict[str, Any]:
    answer = ask("POST", "/incidents", json=new(**more))
    assert answer.status_code == 201, answer.text
    incident: dict[str, Any] = answer.json()["incident"]
    return incident


def many(sandbox: Sandbox, count: int, **fields: Any) -> None:
    for _ in range(count):
        sandbox.incidents.insert("PACME01", "PSVC00", **fields)


# --- the gate ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Token token=x"])
def test_without_a_token_that_counts_nothing_is_told(sign_in: SignIn, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    error(sign_in.http.get(f"{sign_in.base_url}/incidents", headers=headers, timeout=5), 401, 2006)


def test_a_scope_that_was_not_granted_is_refused(sign_in: SignIn) -> None:
    token = sign_in.tokens(scope="openid incidents.read")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for method, path in (("POST", "/incidents"), ("GET", "/services"), ("PUT", "/incidents/P1")):
        answer = sign_in.http.request(method, sign_in.base_url + path, headers=headers, json=new(), timeout=5)
        refusal = error(answer, 403, 2010, {"required_scopes", "token_scopes"})
        assert refusal["message"] == "Token missing required scopes"
        assert refusal["token_scopes"] == "openid incidents.read"


def test_a_token_of_the_eu_is_worth_nothing_at_the_us_host(sign_in: SignIn) -> None:
    headers = {"Authorization": f"Bearer {sign_in.tokens(user='PUSER20')['access_token']}"}

    error(sign_in.http.get(f"{sign_in.base_url}/services", headers=headers, timeout=5), 401, 2006)
    answer = sign_in.http.get(f"{sign_in.base_url}/eu/services", headers=headers, timeout=5)
    assert answer.status_code == 200


def test_the_rate_limit_counts_down_and_then_refuses(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.rate_limit.per_minute = 2

    left = [ask("GET", "/services").headers["ratelimit-remaining"] for _ in range(2)]
    refused = ask("GET", "/services")

    assert left == ["1", "0"]
    error(refused, 429, 2020)
    assert 1 <= int(refused.headers["ratelimit-reset"]) <= 60


# --- writes ----------------------------------------------------------------------------------------------
def test_an_incident_is_opened_read_changed_annotated(ask: Ask) -> None:
    incident = opened(ask, body={"type": "incident_body", "details": "All of it"}, urgency="low")
    path = f"/incidents/{incident['id']}"

    assert (incident["status"], incident["urgency"]) == ("triggered", "low")
    assert ask("GET", path).json()["incident"]["id"] == incident["id"]
    changed = ask("PUT", path, json={"incident": {"type": "incident", "status": "acknowledged"}})
    assert changed.json()["incident"]["acknowledgements"][0]["acknowledger"]["id"] == "PUSER00"
    note = ask("POST", f"{path}/notes", json={"note": {"content": "Looking"}}).json()["note"]
    assert ask("GET", f"{path}/notes").json()["notes"] == [note]
    resolved = ask("PUT", path, json={"incident": {"type": "incident", "status": "resolved"}})
    assert resolved.json()["incident"]["status"] == "resolved"


def test_an_incident_takes_two_thousand_notes(ask: Ask, sandbox: Sandbox) -> None:
    one, other = (
        f"/incidents/{opened(ask, service=service)['id']}/notes" for service in ("PSVC00", "PSVC01")
    )
    for number in range(1_999):
        sandbox.store.put("note", f"P{number}", {"content": "x"}, one.split("/")[2])
    note = {"note": {"content": "The last"}}

    assert ask("POST", one, json=note).status_code == 200
    error(ask("POST", one, json=note), 400, 2001)
    assert ask("POST", other, json=note).status_code == 200


def test_resolving_twice_is_refused(ask: Ask) -> None:
    path, resolve = (
        f"/incidents/{opened(ask)['id']}",
        {"incident": {"type": "incident", "status": "resolved"}},
    )
    ask("PUT", path, json=resolve)

    error(ask("PUT", path, json=resolve), 400, 1001)


@pytest.mark.parametrize("sender", [None, "", "nobody@acme.example", "dana@globex.example"])
def test_every_write_needs_a_user_of_the_account_as_from(ask: Ask, sender: str | None) -> None:
    path = f"/incidents/{opened(ask)['id']}"
    for method, where, body in (
        ("POST", "/incidents", new()),
        ("PUT", path, {"incident": {"type": "incident", "urgency": "low"}}),
        ("POST", f"{path}/notes", {"note": {"content": "x"}}),
    ):
        error(ask(method, where, json=body, sender=sender), 400, 1008)


def test_an_open_incident_keys_are_unique_on_a_service(ask: Ask) -> None:
    first = opened(ask, incident_key="k")

    refusal = error(ask("POST", "/incidents", json=new(incident_key="k")), 400, 2001)
    assert "matching dedup key" in refusal["errors"][0]
    assert opened(ask, incident_key="k", service="PSVC01")["id"] != first["id"]
    resolve = {"incident": {"type": "incident", "status": "resolved"}}
    ask("PUT", f"/incidents/{first['id']}", json=resolve)
    assert opened(ask, incident_key="k")["id"] != first["id"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"incident": []},
        new(title=" "),
        new(title=5),
        new(service="PSVC10"),
        new(urgency="extreme"),
        new(incident_key=5),
        {"incident": {"title": "x", "service": {"id": "PSVC00"}}},
    ],
    ids=range(8),
)
def test_an_incident_that_is_none_is_refused(ask: Ask, body: Any) -> None:
    error(ask("POST", "/incidents", json=body), 400, 2001)
    assert ask("GET", "/incidents").json()["incidents"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(ask: Ask, body: bytes) -> None:
    error(ask("POST", "/incidents", data=body), 400, 2001)


def test_what_is_not_there_has_its_own_code(ask: Ask) -> None:
    error(ask("GET", "/incidents/PNONE"), 404, 5001)
    error(ask("GET", "/services/PNONE"), 404, 5002)
    error(ask("GET", "/users/PNONE"), 404, 2100)


def test_an_account_sees_nothing_of_another(ask: Ask, sandbox: Sandbox) -> None:
    theirs = sandbox.incidents.insert("PGLOBEX", "PSVC10")

    error(ask("GET", f"/incidents/{theirs['id']}"), 404, 5001)
    error(ask("GET", "/services/PSVC10"), 404, 5002)
    assert ask("GET", "/incidents?date_range=all").json()["incidents"] == []


# --- lists -------------------------------------------------------------------------------------------------
def test_pages_follow_each_other_until_more_is_false(ask: Ask, sandbox: Sandbox) -> None:
    many(sandbox, 30)

    first = ask("GET", "/incidents").json()
    second = ask("GET", "/incidents?offset=25&total=true").json()

    assert (len(first["incidents"]), first["more"], first["limit"], first["total"]) == (25, True, 25, None)
    assert (len(second["incidents"]), second["more"], second["total"]) == (5, False, 30)


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "offset=-1", "offset=9950&limit=51"])
def test_beyond_the_bounds_of_paging_is_refused(ask: Ask, query: str) -> None:
    error(ask("GET", f"/incidents?{query}"), 400, 2002)


def test_without_dates_only_the_last_month_is_listed(ask: Ask, sandbox: Sandbox) -> None:
    many(sandbox, 1)
    many(sandbox, 2, created_at=(datetime.now(UTC) - timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ"))

    assert len(ask("GET", "/incidents").json()["incidents"]) == 1
    assert len(ask("GET", "/incidents?date_range=all").json()["incidents"]) == 3


def test_a_span_over_six_months_is_refused(ask: Ask) -> None:
    error(ask("GET", "/incidents?since=2025-01-01T00:00:00Z&until=2025-08-01T00:00:00Z"), 400, 2002)


def test_filters_repeat_and_narrow(ask: Ask, sandbox: Sandbox) -> None:
    many(sandbox, 1, status="resolved")
    many(sandbox, 2, urgency="low")
    many(sandbox, 1, incident_key="k")

    def count(query: str) -> int:
        return len(ask("GET", f"/incidents?{query}").json()["incidents"])

    assert count("statuses[]=resolved") == 1
    assert count("statuses[]=resolved&statuses[]=triggered") == 4
    assert count("urgencies[]=low") == 2
    assert count("incident_key=k") == 1
    assert count("service_ids[]=PSVC01") == 0


@pytest.mark.parametrize("plural", ["services", "users", "schedules", "teams"])
def test_directories_are_listed_found_and_shown(ask: Ask, plural: str) -> None:
    rows = ask("GET", f"/{plural}?total=true").json()

    assert rows["total"] == len(rows[plural]) > 1
    first = rows[plural][0]
    assert ask("GET", f"/{plural}", params={"query": first["name"].lower()}).json()[plural] == [first]
    assert ask("GET", f"/{plural}/{first['id']}").json()[plural.removesuffix("s")] == first


def test_users_are_found_by_e_mail_and_know_themselves(ask: Ask) -> None:
    found = ask("GET", "/users", params={"query": "ELI@acme.example"}).json()["users"]

    assert [user["name"] for user in found] == ["Eli Novak"]
    assert ask("GET", "/users/me").json()["user"]["id"] == "PUSER00"


def test_who_is_on_call_needs_users_read_alone(ask: Ask, sign_in: SignIn) -> None:
    query = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}
    users = ask("GET", "/schedules/PSCHED00/users", params=query).json()["users"]

    assert [user["id"] for user in users] == ["PUSER00"]


# --- faults ------------------------------------------------------------------------------------------------
def test_an_answer_lost_after_the_work_leaves_the_incident(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults.add([{"kind": "lose_answer", "method": "POST", "path": "^/incidents$", "times": 1}])

    with pytest.raises(requests.ConnectionError):
        ask("POST", "/incidents", json=new())

    assert len(ask("GET", "/incidents").json()["incidents"]) == 1


def test_a_request_dropped_before_the_work_leaves_nothing(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults.add([{"kind": "drop_before", "path": "^/incidents$", "method": "POST", "times": 1}])

    with pytest.raises(requests.ConnectionError):
        ask("POST", "/incidents", json=new())

    assert ask("GET", "/incidents").json()["incidents"] == []


def test_a_429_comes_with_or_without_its_headers(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        [
            {"kind": "rate_limit", "path": "/teams", "times": 1, "retry_after": "7"},
            {"kind": "rate_limit", "path": "/teams", "times": 1, "headers": False},
        ]
    )

    with_headers, without = ask("GET", "/teams"), ask("GET", "/teams")

    assert with_headers.headers["Retry-After"] == "7"
    assert "ratelimit-reset" in with_headers.headers
    assert not {"Retry-After", "ratelimit-reset"} & set(without.headers)
    assert ask("GET", "/teams").status_code == 200


def test_a_status_or_a_delay_as_told(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults.add([{"kind": "status", "status": 502, "path": "/users", "times": 1}])
    assert ask("GET", "/users").status_code == 502
    sandbox.faults.add([{"kind": "delay", "seconds": 0.2, "path": "/users", "times": 1}])
    assert ask("GET", "/users").elapsed.total_seconds() >= 0.2


@pytest.mark.parametrize("rule", [{"kind": "explode"}, {"kind": "delay", "path": "("}, {"what": 1}])
def test_a_rule_that_is_none_is_refused(sign_in: SignIn, rule: dict[str, Any]) -> None:
    answer = sign_in.http.post(f"{sign_in.base_url}/_sandbox/faults", json={"rules": [rule]}, timeout=5)
    assert answer.status_code == 400


# --- the contract ------------------------------------------------------------------------------------------
def test_answers_are_held_against_pagerdutys_own_file(contract: Contract | None) -> None:
    if contract is None:
        pytest.skip(HINT)
    with pytest.raises(AssertionError):
        contract.check_response("GET", "/incidents/P1", 200, {"incident": {"id": 5}})


def test_incidents_are_narrowed_to_teams_and_people(ask: Ask) -> None:
    opened(ask)

    def count(query: str) -> int:
        return len(ask("GET", f"/incidents?{query}").json()["incidents"])

    assert [count("team_ids[]=PTEAM00"), count("team_ids[]=PNONE")] == [1, 0]
    assert [count("user_ids[]=PUSER00"), count("user_ids[]=PNONE")] == [1, 0]


def test_acknowledging_twice_is_refused(ask: Ask) -> None:
    path = f"/incidents/{opened(ask)['id']}"
    acknowledge = {"incident": {"type": "incident", "status": "acknowledged"}}
    ask("PUT", path, json=acknowledge)

    error(ask("PUT", path, json=acknowledge), 400, 1002)


@pytest.mark.parametrize(("status", "assigned"), [("acknowledged", "PUSER01"), ("triggered", "PUSER00")])
def test_another_status_reopens_a_resolved_incident(
    ask: Ask, sandbox: Sandbox, status: str, assigned: str
) -> None:
    """api-schema, updateIncident: to acknowledged it goes to the current user, to triggered to the policy."""
    path = f"/incidents/{opened(ask)['id']}"
    sandbox.subscribe("PACME01", "http://127.0.0.1:9/", [], {"type": "account_reference"})
    ask("PUT", path, json={"incident": {"type": "incident", "status": "resolved"}})

    reopen = {"incident": {"type": "incident", "status": status}}
    incident = ask("PUT", path, json=reopen, sender="eli@acme.example").json()["incident"]

    assert (incident["status"], incident["assignments"][0]["assignee"]["id"]) == (status, assigned)
    told = sandbox.store.rows("SELECT event_type FROM deliveries ORDER BY seq")
    assert [kind for (kind,) in told] == ["incident.resolved", "incident.reopened"]
    entries = ask("GET", f"{path}/log_entries").json()["log_entries"]
    kind = {"acknowledged": "acknowledge_log_entry", "triggered": "trigger_log_entry"}[status]
    assert [(row["type"], row["agent"]["id"]) for row in entries[:2]] == [
        (kind, "PUSER01"),
        ("resolve_log_entry", "PUSER00"),
    ]
