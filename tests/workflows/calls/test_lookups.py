"""Look-ups: what inputs can be filled with, loaded from the connected account within bounds."""

import threading
from contextlib import ExitStack
from typing import Any

import pytest
import responses
from django.conf import settings
from responses import matchers
from rest_framework.exceptions import ValidationError

from connections.models import Connection, Grant
from core import node_slots, request_slots
from tests.factories import API, DANA, Ask, asking, connect, people
from tests.support.connection_slots import free_slots
from tests.support.present import present
from tests.support.worker_threads import PATIENCE, until
from workflows import catalog
from workflows.calls import lookups

pytestmark = pytest.mark.django_db


def lookup_path(connection: Connection, name: str = "services") -> str:
    return f"connections/{connection.pk}/lookups/pagerduty/{name}/"


def services(first: int, count: int, *, more: bool = False) -> dict[str, Any]:
    rows = [{"id": f"PSVC{n:04}", "name": f"Service {n}"} for n in range(first, first + count)]
    return {"services": rows, "limit": 100, "offset": first, "more": more, "total": None}


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_services_are_listed_by_id_and_name(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.get(f"{API}/services", json=services(0, 2))

    answer = ask("get", lookup_path(connection))

    assert answer.json() == {
        "options": [
            {"value": "PSVC0000", "label": "Service 0"},
            {"value": "PSVC0001", "label": "Service 1"},
        ],
        "complete": True,
    }


@pytest.mark.parametrize(("name", "value"), [("users", "PUSER"), ("user-emails", DANA)])
def test_users_are_chosen_by_id_or_by_address(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, name: str, value: str
) -> None:
    answer = ask("get", lookup_path(connection, name))

    assert answer.json()["options"] == [{"value": value, "label": f"Dana ({DANA})"}]


def test_every_page_is_read_until_there_are_five_hundred(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    for offset in range(0, 2_000, 100):
        pagerduty.get(
            f"{API}/services",
            json=services(offset, 100, more=True),
            match=[matchers.query_param_matcher({"offset": offset, "limit": 100})],
        )

    found = ask("get", lookup_path(connection)).json()

    assert (len(found["options"]), found["complete"]) == (500, False)
    assert len(pagerduty.calls) == 6


def test_it_is_kept_for_a_minute_for_each_query_and_authorisation(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.get(f"{API}/services", json=services(0, 1))

    for query in ("", "", "?query=pay", "?query=pay"):
        ask("get", lookup_path(connection) + query)
    assert len(pagerduty.calls) == 2
    assert "query=pay" in str(pagerduty.calls[1].request.url)
    Grant.objects.update(generation=2)
    ask("get", lookup_path(connection))

    assert len(pagerduty.calls) == 3


def test_what_the_provider_left_out_is_said_and_kept_with_the_options(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    rows = [{"id": "PSCHED1", "name": "Primary"}]
    pagerduty.get(f"{API}/schedules", json={"schedules": rows, "more": False})
    refusal = {"error": {"message": "Access Denied", "code": 2010}}
    pagerduty.get(f"{API}/v3/schedules", status=403, json=refusal)

    first, again = (ask("get", lookup_path(connection, "schedules")).json() for _ in range(2))

    assert first == again
    assert [one["value"] for one in first["options"]] == ["PSCHED1"]
    assert (first["complete"], first["incomplete_reason"]) == (
        False,
        "Shift-based schedules are missing: PagerDuty refused to list them (Access Denied).",
    )
    assert len(pagerduty.calls) == 2


def test_a_refused_token_is_replaced_once(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refused = pagerduty.get(f"{API}/services", status=401, json={"error": {"message": "no", "code": 2006}})
    pagerduty.post(
        f"{settings.PAGERDUTY_IDENTITY_URL}/oauth/token",
        json={
            "access_token": "second",
            "refresh_token": "next",
            "token_type": "bearer",
            "scope": "services.read",
            "expires_in": 86400,
        },
    )
    pagerduty.get(f"{API}/services", json=services(0, 1))

    answer = ask("get", lookup_path(connection))

    assert answer.status_code == 200
    assert refused.call_count == 1
    assert pagerduty.calls[-1].request.headers["Authorization"] == "Bearer second"


def test_what_was_not_granted_is_not_asked_for(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    Grant.objects.update(scopes_granted=["incidents.read"])

    assert error_of(ask("get", lookup_path(connection))) == (403, "missing_scope")
    assert len(pagerduty.calls) == 0


@pytest.mark.parametrize(
    ("status", "code"), [("error", "reconnection_needed"), ("pending", "connection_pending")]
)
def test_a_connection_that_cannot_be_used_says_so(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, status: str, code: str
) -> None:
    Connection.objects.update(status=status)

    assert error_of(ask("get", lookup_path(connection))) == (409, code)


def test_a_slow_provider_is_given_up_on_and_not_asked_again_at_once(
    ask: Ask,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "SECONDS", 0.05)
    waited_for = threading.Event()

    def slow(request: Any) -> tuple[int, dict[str, str], str]:
        waited_for.wait(20)
        return 200, {}, "{}"

    pagerduty.add_callback(responses.GET, f"{API}/services", slow)

    answers = [error_of(ask("get", lookup_path(connection))) for _ in range(2)]
    waited_for.set()

    assert answers == [(503, "lookup_timeout")] * 2
    assert len(pagerduty.calls) <= 1


def test_one_that_was_given_up_keeps_its_slot_until_its_request_has_ended(
    ask: Ask,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "SECONDS", 0.3)
    asked, answers = threading.Event(), threading.Event()

    def slow(request: Any) -> tuple[int, dict[str, str], str]:
        asked.set()
        answers.wait(PATIENCE)
        return 200, {}, "{}"

    pagerduty.add_callback(responses.GET, f"{API}/services", slow)

    assert error_of(ask("get", lookup_path(connection))) == (503, "lookup_timeout")
    assert asked.wait(PATIENCE)
    assert free_slots(connection) == len(node_slots.OF_WEB) - 1
    answers.set()
    until(lambda: free_slots(connection) == len(node_slots.OF_WEB))


def test_a_providers_refusal_is_passed_on(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    pagerduty.get(f"{API}/services", status=403, json={"error": {"message": "Access Denied", "code": 2010}})

    answer = ask("get", lookup_path(connection))

    assert error_of(answer) == (403, "access_denied")
    assert answer.json()["error"]["provider_status"] == 403


@pytest.mark.parametrize("status", [200, 302, 500])
def test_what_a_provider_says_in_no_way_of_its_own_is_its_trouble_not_success(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock, status: int
) -> None:
    pagerduty.get(f"{API}/services", status=status, body="<html>Sorry</html>")

    assert ask("get", lookup_path(connection)).status_code == 502


def test_without_a_free_slot_nobody_waits(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    with ExitStack() as taken:
        for _ in node_slots.OF_WEB:
            taken.enter_context(request_slots.provider_slot(connection.workspace_id, connection.pk))
        answer = ask("get", lookup_path(connection))

    assert error_of(answer) == (503, "busy")


def test_strange_rows_are_left_out(
    ask: Ask, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    rows = [
        7,
        {"id": None},
        {"id": {"a": 1}, "name": "x"},
        {"id": "PX", "name": ["n"]},
        {"id": "PY", "name": "a\nb"},
    ]
    pagerduty.get(f"{API}/services", json={"services": rows})

    options = ask("get", lookup_path(connection)).json()["options"]

    assert options == [{"value": "PX", "label": "PX"}, {"value": "PY", "label": "a b"}]


def test_others_see_nothing_of_it(
    client: Any, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    who = people()
    foreign = asking(client, who.other)
    weak = asking(client, who.acme, scopes=["connections:read"])
    ours = connect(who.acme)

    assert error_of(foreign("get", lookup_path(ours))) == (404, "not_found")
    assert error_of(weak("get", lookup_path(ours))) == (403, "insufficient_scope")
    assert len(pagerduty.calls) == 0


def test_an_unknown_lookup_and_a_bad_query_are_named(ask: Ask, connection: Connection) -> None:
    assert error_of(ask("get", lookup_path(connection, "secrets"))) == (404, "unknown_lookup")
    assert error_of(ask("get", f"{lookup_path(connection)}?query={'x' * 201}")) == (400, "invalid_input")


def test_the_schema_says_which_inputs_can_be_chosen() -> None:
    properties = catalog.input_schema("pagerduty/create-incident")["properties"]

    named = {name: schema["x-lookup"] for name, schema in properties.items() if "x-lookup" in schema}

    assert named == {
        "from": "pagerduty/user-emails",
        "service_id": "pagerduty/services",
        "priority_id": "pagerduty/priority-ids",
        "escalation_policy_id": "pagerduty/escalation-policies",
        "assignee_ids": "pagerduty/users",
    }
    assert all(catalog.find_lookup(key) for key in named.values())


def test_the_schema_says_when_one_of_some_is_wanted() -> None:
    schema = catalog.input_schema("pagerduty/update-incident")

    assert {"required": ["status"]} in schema["anyOf"]


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ([], "schedule_id", "One of these is required: Schedule, Service, Escalation policy."),
        (["service_id", "escalation_policy_id"], "escalation_policy_id", "Only one of these can be given"),
    ],
)
def test_where_exactly_one_is_wanted_the_schema_and_the_input_say_so(
    given: list[str], field: str, said: str
) -> None:
    targets = ["schedule_id", "service_id", "escalation_policy_id"]
    assert catalog.input_schema("pagerduty/get-on-call")["oneOf"] == [{"required": [one]} for one in targets]
    action = present(catalog.find_action("pagerduty/get-on-call"))

    assert action.checked({"service_id": "PSVC1"}) == {"service_id": "PSVC1"}
    with pytest.raises(ValidationError) as refused:
        action.checked(dict.fromkeys(given, "PSVC1"))

    assert said in str(refused.value.detail[field])  # type: ignore[call-overload]
