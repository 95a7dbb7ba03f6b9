"""Maintenance windows in the sandbox: kept, listed by service and state, shown (api-schema)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pagerduty_app.sandbox.sandbox import Sandbox
from tests.pagerduty_app.sandbox.conftest import SIX, Ask, SignIn

PATH, SERVICE = "/maintenance_windows", {"id": "PSVC00", "type": "service_reference"}


@pytest.fixture
def ask(sign_in: SignIn, contract: Any) -> Ask:
    """As the `ask` of all, with services.write."""
    token = sign_in.tokens(scope=f"openid {SIX} services.write")["access_token"]
    headers = {"Authorization": f"Bearer {token}", "From": "dana@acme.example"}

    def request(method: str, path: str, **kwargs: Any) -> requests.Response:
        answer = sign_in.http.request(method, sign_in.base_url + path, headers=headers, timeout=10, **kwargs)
        if contract:
            contract.check_response(method, path.partition("?")[0], answer.status_code, answer.json())
        return answer

    return request


def hours(number: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=number)).isoformat()


def window(start: float = 0, end: float = 1, **changes: Any) -> dict[str, Any]:
    body = {"type": "maintenance_window", "start_time": hours(start), "end_time": hours(end)}
    return {"maintenance_window": {**body, "services": [SERVICE], **changes}}


def test_a_window_is_kept_and_its_service_is_in_maintenance(ask: Ask, sandbox: Sandbox) -> None:
    answer = ask("POST", PATH, json=window(description="Upgrade"))

    made = answer.json()["maintenance_window"]
    assert (answer.status_code, made["description"], made["sequence_number"]) == (201, "Upgrade", 1)
    assert (made["created_by"]["id"], made["services"][0]["summary"]) == ("PUSER00", "Payments")
    status = {row["id"]: row["status"] for row in ask("GET", "/services").json()["services"]}
    assert (status["PSVC00"], status["PSVC01"]) == ("maintenance", "active")
    assert ask("GET", "/services/PSVC00").json()["service"]["status"] == "maintenance"
    page = requests.get(made["html_url"], timeout=5).text
    assert "Upgrade" in page
    assert "Dana Rivera" in page


def test_a_start_in_the_past_becomes_the_present(ask: Ask) -> None:
    made = ask("POST", PATH, json=window(start=-5)).json()["maintenance_window"]

    at = datetime.fromisoformat(made["start_time"])
    assert abs(at - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["over", "now", "soon"]),
        ("?filter=all", ["over", "now", "soon"]),
        ("?filter=open", ["now", "soon"]),
        ("?filter=ongoing", ["now"]),
        ("?filter=future", ["soon"]),
        ("?filter=past", ["over"]),
        ("?query=NO", ["now"]),
        ("?service_ids[]=PSVC01", ["soon"]),
        ("?service_ids[]=PSVC01&service_ids[]=PSVC00&filter=open", ["now", "soon"]),
        ("?limit=1", ["soon"]),
    ],
)
def test_windows_are_listed_by_service_and_state(
    ask: Ask, sandbox: Sandbox, query: str, found: list[str]
) -> None:
    other = {**SERVICE, "id": "PSVC01"}
    ask("POST", PATH, json=window(description="over"))
    (over,) = sandbox.store.all("maintenance_window")
    sandbox.store.put("maintenance_window", over["id"], over | {"end_time": hours(-1)}, "PACME01")
    ask("POST", PATH, json=window(description="now"))
    ask("POST", PATH, json=window(start=1, end=2, description="soon", services=[SERVICE, other]))

    page = ask("GET", PATH + query).json()

    assert sorted(row["description"] for row in page["maintenance_windows"]) == sorted(found)
    assert page["more"] is (query == "?limit=1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"end_time": hours(-1)}, "End time must be in the future and after the start time."),
        ({"end_time": "soon"}, "End time must be a time with an offset."),
        ({"start_time": None}, "Start time must be a time with an offset."),
        ({"services": []}, "Services can't be empty."),
        ({"services": [{"id": "PSVC10", "type": "service_reference"}]}, "Service not found."),
        ({"description": 5}, "Description must be a string."),
    ],
)
def test_a_window_that_cannot_be_is_refused(ask: Ask, changes: dict[str, Any], said: str) -> None:
    answer = ask("POST", PATH, json=window(**changes))

    assert (answer.status_code, answer.json()["error"]["errors"]) == (400, [said])


def test_the_scope_is_enforced(sign_in: SignIn, sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sign_in.tokens()['access_token']}", "From": "dana@acme.example"}
    url = sign_in.base_url + PATH

    refused = requests.post(url, json=window(), headers=headers, timeout=5)

    assert (refused.status_code, refused.json()["error"]["required_scopes"]) == (403, "services.write")
    assert requests.get(url, headers=headers, timeout=5).json()["maintenance_windows"] == []
