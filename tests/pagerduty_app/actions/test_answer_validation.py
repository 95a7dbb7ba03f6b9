"""Responses are validated: one that lacks its rows is no result; a listing that does not go on ends with an error."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connections.models import Connection
from pagerduty_app.actions import LOOKUPS
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.subscriptions import backfill, webhooks
from tests.factories import SYSTEM
from tests.support.sandbox_actions import ACCOUNT, DANA, act, asked, connection, fault, later, output
from tests.support.sandbox_incidents import fill
from workflows.calls import streams
from workflows.catalog import ProviderError, Reach
from workflows.catalog.answers import broken_promise
from workflows.models import ActionCall

__all__ = ["act", "connection"]
pytestmark = pytest.mark.django_db
NEW = {"from": DANA, "service_id": "PSVC00", "title": "Queue is full"}
ALWAYS = {"times": None}
LISTINGS = ["incidents", "services", "users", "schedules", "teams"]
NO_ROWS: list[Any] = [None, {}, "none", [None], [{"id": 5}]]


def refused(call: ActionCall, *words: str) -> None:
    """It waits for another attempt, and says that the provider's answer was at fault."""
    error = call.error or {}
    assert (call.status, call.output) == ("waiting", None)
    assert (error["code"], error["provider_status"]) == ("provider_error", 200)
    assert all(word in error["message"] for word in ("PagerDuty", *words)), error["message"]


def test_a_lost_incident_without_its_time_is_looked_up_again(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "lose_answer", "/incidents$")
    call = act("create-incident", NEW | {"incident_key": "queue"})
    odd = {"id": "PINC9", "status": "triggered", "service": {"id": "PSVC00"}, "created_at": None}
    fault(sandbox, "status", "^/incidents$", method="GET", status=200, body={"incidents": [odd]})

    call = later(call)

    refused(call, "when the incident was created")
    assert output(later(call))["incident"]["id"] != "PINC9"
    assert len(asked(sandbox, "POST", "/incidents")) == 1


@pytest.mark.parametrize("odd", [7, "x", [7], [{"responder_request_target": {"id": {}}}]])
def test_a_lost_responder_request_with_odd_targets_is_not_taken_for_ours(
    act: Any, sandbox: Sandbox, odd: Any
) -> None:
    incident = sandbox.incidents.insert(ACCOUNT, "PSVC00")
    asker = next(row for row in sandbox.store.all("user", ACCOUNT) if row["email"] == DANA)
    fault(sandbox, "lose_answer", "/responder_requests$")
    given = {"from": DANA, "incident_id": incident["id"], "user_ids": ["PUSER01"], "message": "Help"}
    call = act("add-responders", given)
    seen = sandbox.incidents.get(ACCOUNT, incident["id"])
    request = {"requester": {"id": asker["id"]}, "message": "Help", "responder_request_targets": odd}
    others = [request | {"requested_at": seen["responder_requests"][0]["requested_at"]}]
    body = {"incident": seen | {"responder_requests": others + seen["responder_requests"]}}
    fault(sandbox, "status", f"/incidents/{incident['id']}$", method="GET", status=200, body=body)

    assert output(later(call))["responder_request"]["responder_request_targets"] != odd
    assert len(asked(sandbox, "POST", f"/incidents/{incident['id']}/responder_requests")) == 1


# Every kind of rows for one listing, every listing for one kind: the rest is their product.
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param(name, rows, marks=[pytest.mark.slow] if name != "incidents" and rows is not None else [])
        for name in LISTINGS
        for rows in NO_ROWS
    ],
    ids=str,
)
@pytest.mark.parametrize("pages", [{}, {"all": True}], ids=["one page", "all pages"])
def test_a_listing_without_its_rows_is_no_result(
    act: Any, sandbox: Sandbox, name: str, pages: dict[str, Any], rows: Any
) -> None:
    body = {"more": False, "offset": 0, "limit": 25, **({} if rows is None else {name: rows})}
    fault(sandbox, "status", f"/{name}$", method="GET", status=200, body=body)

    call = act(f"list-{name}", pages)

    refused(call, name)
    assert name in output(later(call))


def test_a_page_that_does_not_say_whether_there_are_more_is_no_result(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "status", "/services$", method="GET", status=200, body={"services": []})

    refused(act("list-services", {}), "more")


@pytest.mark.parametrize(
    ("action", "data", "path"),
    [
        ("get-incident", {"incident_id": "PINC1"}, "/incidents/PINC1$"),
        ("get-on-call", {"schedule_id": "PSCHED00"}, "/schedules/PSCHED00$"),
        ("list-on-call", {"schedule_id": "PSCHED00"}, "/users$"),
        ("update-incident", {"from": DANA, "incident_id": "PINC1", "urgency": "low"}, "/incidents/PINC1$"),
    ],
)
@pytest.mark.parametrize(
    "body", [{}, {"incident": None, "users": None, "schedule": []}], ids=["empty", "null"]
)
def test_a_single_thing_that_is_not_there_is_no_result(
    act: Any, sandbox: Sandbox, action: str, data: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    fault(sandbox, "status", path, method="GET", status=200, body=body)

    refused(act(action, data))


def test_a_write_with_such_an_answer_is_looked_up_and_not_repeated(act: Any, sandbox: Sandbox) -> None:
    fault(sandbox, "status_after", "/incidents$", status=200, body={"incident": {"id": "P1"}})
    call = act("create-incident", NEW)
    refused(call, "incident.status")

    made = output(later(call))["incident"]["id"]

    assert sandbox.store.rows("SELECT id FROM incidents") == [(made,)]
    assert len(asked(sandbox, "POST", "/incidents")) == 1


def test_a_note_is_not_repeated_because_the_list_of_notes_could_not_be_read(
    act: Any, sandbox: Sandbox
) -> None:
    some_id = sandbox.incidents.insert(ACCOUNT, "PSVC00")["id"]
    fault(sandbox, "lose_answer", "/notes$")
    call = act("create-incident-note", {"from": DANA, "incident_id": some_id, "content": "Look"})
    fault(sandbox, "status", "/notes$", method="GET", status=200, body={})

    refused(later(call), "notes")

    output(later(call))
    assert len(sandbox.incidents.notes(ACCOUNT, some_id)) == 1


@pytest.mark.parametrize(
    ("output", "lacking"),
    [
        ({"rows": [{"id": "P1", "name": None}], "more": True}, ""),
        ({"rows": [], "more": False, "new": 1}, ""),
        ({"rows": [{"id": "P1"}, {"id": None}], "more": True}, "rows.1.id"),
        ({"rows": [{"name": "x"}], "more": True}, "rows.0.id"),
        ({"rows": None, "more": True}, "rows"),
        ({"rows": [], "more": None}, "more"),
        ({"rows": []}, "more"),
        ([], "the answer"),
    ],
)
def test_only_what_is_promised_counts(output: Any, lacking: str) -> None:
    row = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
    }
    properties = {"rows": {"type": "array", "items": row}, "more": {"type": "boolean"}}

    assert (
        broken_promise({"type": "object", "required": ["rows", "more"], "properties": properties}, output)
        == lacking
    )


# --- listings that do not go on ------------------------------------------------------------------------
def many(sandbox: Sandbox, kind: str) -> None:
    for number in range(150):
        body = {
            "id": f"PX{number}",
            "type": kind,
            "name": f"X {number}",
            "summary": "x",
            "email": "x@acme.example",
        }
        sandbox.store.put(kind, body["id"], body, ACCOUNT)


@pytest.mark.parametrize("name", LISTINGS)
def test_the_same_page_again_ends_a_listing_with_an_error(act: Any, sandbox: Sandbox, name: str) -> None:
    if name == "incidents":
        fill(sandbox, 450, apart=timedelta(0))
    else:
        many(sandbox, name.removesuffix("s"))
    fault(sandbox, "ignore_offset", f"/{name}$", method="GET", **ALWAYS)

    call = act(f"list-{name}", {"all": True})

    assert (call.status, call.error["code"]) == ("failed", "provider_error")
    assert f"the same page again instead of the next one; 100 {name} were read" in call.error["message"]
    assert len(asked(sandbox, "GET", f"/{name}")) <= 3


@pytest.mark.parametrize("window", [{}, {"date_range": "all"}], ids=["month", "all"])
def test_offsets_are_not_missed_where_times_lead_on(
    act: Any, sandbox: Sandbox, window: dict[str, str]
) -> None:
    made = fill(sandbox, 250)
    fault(sandbox, "ignore_offset", "/incidents$", method="GET", **ALWAYS)

    assert [row["id"] for row in output(act("list-incidents", {"all": True} | window))["incidents"]] == made


def test_a_stream_ends_with_the_error(sandbox: Sandbox, connection: Connection) -> None:
    fill(sandbox, 450, apart=timedelta(0))
    fault(sandbox, "ignore_offset", "/incidents$", method="GET", **ALWAYS)

    lines = list(
        streams.lines(
            actor=SYSTEM, connection=connection, action_key="pagerduty/list-incidents", data={"all": True}
        )
    )

    assert len(lines) == 1 + 100 + 1
    assert "the same page again" in lines[-1]
    assert len(asked(sandbox, "GET", "/incidents")) <= 3


@pytest.fixture
def api(sandbox: Sandbox) -> Api:
    grant = {
        "client": "c",
        "account": ACCOUNT,
        "user": sandbox.person(ACCOUNT)["id"],
        "scopes": ["write", "webhook_subscriptions.read"],
        "id": "PGRANT",
        "revoked": False,
    }
    sandbox.store.put("grant", "PGRANT", grant, ACCOUNT)
    return Api(sandbox.base_url, sandbox.tokens._answer(grant)["access_token"], lambda: None)


# The others are not paged, or have less than a page in the sandbox; they are read in the same way.
@pytest.mark.parametrize(
    "key", sorted(LOOKUPS.keys() - {"pagerduty/incident-types", "pagerduty/incident-workflows"})
)
def test_a_picker_ends_with_the_error(api: Api, sandbox: Sandbox, key: str) -> None:
    name = key.partition("/")[2].replace("user-emails", "users").replace("priority-ids", "priorities")
    name = name.replace("-", "_")
    many(sandbox, name.replace("ies", "y").removesuffix("s"))
    fault(sandbox, "ignore_offset", f"/{name}$", method="GET", **ALWAYS)

    with pytest.raises(ProviderError, match="the same page again"):
        list(LOOKUPS[key].load(api, ""))

    assert len(asked(sandbox, "GET", f"/{name}")) == 2


def test_the_recovery_of_missed_deliveries_ends_with_the_error(api: Api, sandbox: Sandbox) -> None:
    fill(sandbox, 250)
    fault(sandbox, "ignore_offset", "/incidents$", method="GET", **ALWAYS)
    now = datetime.now(UTC)

    with pytest.raises(ProviderError, match="the same page again"):
        backfill.missed(
            api, frozenset({"incident.triggered"}), Reach("account", ""), now - timedelta(days=1), now
        )

    assert len(asked(sandbox, "GET", "/incidents")) == 2


def test_the_list_of_webhooks_ends_with_the_error(api: Api, sandbox: Sandbox) -> None:
    for number in range(150):
        sandbox.subscribe(ACCOUNT, f"http://127.0.0.1:9/{number}", [], {"type": "account_reference"})
    fault(sandbox, "ignore_offset", "/webhook_subscriptions$", method="GET", **ALWAYS)

    with pytest.raises((ProviderError, PagerDutyError), match="the same page again"):
        webhooks.everything(api)

    assert len(asked(sandbox, "GET", "/webhook_subscriptions")) == 2
