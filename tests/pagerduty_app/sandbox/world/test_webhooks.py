"""The sandbox delivers by PagerDuty's own rules (developer docs, webhooks v3)."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import time_machine

from pagerduty_app import signatures
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from pagerduty_app.sandbox.world import webhooks
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES
from tests.pagerduty_app.sandbox.conftest import CLIENT, CLIENT_SECRET, Ask, Inbox
from tests.pagerduty_app.sandbox.rest.test_rest import opened

Json = dict[str, Any]


@pytest.fixture
def subscription(sandbox: Sandbox, inbox: Inbox) -> Json:
    return sandbox.subscribe("PACME01", inbox.url, [], {"type": "account_reference"})


def open_one(sandbox: Sandbox, service: str = "PSVC00") -> Json:
    wanted = {"type": "incident", "title": "T", "service": {"id": service}}
    return sandbox.incidents.open("PACME01", sandbox.person("PACME01"), wanted)


def change(sandbox: Sandbox, incident: Json, status: str) -> None:
    sandbox.incidents.change("PACME01", sandbox.person("PACME01"), incident["id"], {"status": status})


def states(sandbox: Sandbox) -> list[str]:
    return [state for (state,) in sandbox.store.rows("SELECT state FROM deliveries ORDER BY seq")]


def settled(sandbox: Sandbox, *wanted: str) -> None:
    _until(lambda: states(sandbox) == list(wanted), lambda: f"{states(sandbox)} instead of {list(wanted)}")


def _until(look: Callable[[], bool], said: Callable[[], str]) -> None:
    end = time.monotonic() + 10
    while not look():
        assert time.monotonic() < end, said()
        time.sleep(0.01)


def events(got: list[tuple[dict[str, str], bytes]]) -> list[str]:
    return [json.loads(body)["event"]["event_type"] for _, body in got]


def test_deliveries_are_signed_over_the_raw_body_and_name_themselves(
    sandbox: Sandbox, inbox: Inbox, subscription: Json
) -> None:
    incident = open_one(sandbox)

    headers, body = inbox.wait(1)[0]

    assert signatures.verify(body, headers["X-PagerDuty-Signature"], [subscription["secret"]]) == 0
    assert headers["X-Webhook-Subscription"] == subscription["id"]
    assert headers["X-Webhook-Id"]
    event = json.loads(body)["event"]
    assert event["data"]["id"] == incident["id"]
    assert event["agent"]["id"] == "PUSER00"


def test_each_change_makes_its_own_event_in_order(sandbox: Sandbox, inbox: Inbox, subscription: Json) -> None:
    incident = open_one(sandbox)
    for status in ("acknowledged", "triggered", "resolved", "triggered"):
        change(sandbox, incident, status)
    sandbox.incidents.annotate("PACME01", sandbox.person("PACME01"), incident["id"], "A note")

    assert events(inbox.wait(6)) == [
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.resolved",
        "incident.reopened",
        "incident.annotated",
    ]


@pytest.mark.parametrize(
    ("kind", "data", "lane"),
    [
        ("incident.task.created", {"type": "incident_task", "incident": {"id": "PINC1"}}, "PINC1"),
        (
            "incident.role.assigned",
            {
                "type": "incident_role_assignment",
                "incident_role_assignments": [{"incident": {"id": "PINC1"}}],
            },
            "PINC1",
        ),
        ("service.updated", {"type": "service", "id": "PSVC00", "teams": []}, "PSVC00"),
        ("incident.teleported", {"type": "incident", "id": "PINC1"}, "PINC1"),
    ],
)
def test_a_person_can_send_an_event_of_any_type(
    server: SandboxServer,
    http: requests.Session,
    sandbox: Sandbox,
    inbox: Inbox,
    subscription: Json,
    kind: str,
    data: Json,
    lane: str,
) -> None:
    where = {"type": "service_reference", "id": "PSVC01"}
    elsewhere = sandbox.subscribe("PACME01", inbox.url, [kind], where)
    url = f"{server.url}/_sandbox/events"

    answer = http.post(url, json={"event_type": kind, "data": data}, timeout=5)

    assert (answer.status_code, answer.json()) == (200, {"sent": 1})
    event = json.loads(inbox.wait(1)[0][1])["event"]
    assert (event["event_type"], event["data"]) == (kind, data)
    assert event["resource_type"] == kind.partition(".")[0]
    rows = sandbox.store.rows("SELECT subscription, lane FROM deliveries")
    assert rows == [(subscription["id"], lane)]
    assert elsewhere["id"] != subscription["id"]
    assert http.post(url, json={"event_type": kind, "data": "x"}, timeout=5).status_code == 400


def test_every_documented_type_can_be_subscribed_to(ask: Ask, inbox: Inbox) -> None:
    body = {
        "webhook_subscription": {
            "type": "webhook_subscription",
            "delivery_method": {"type": "http_delivery_method", "url": inbox.url},
            "events": list(EVENT_TYPES),
            "filter": {"type": "account_reference"},
        }
    }

    made = ask("POST", "/webhook_subscriptions", json=body)

    assert made.status_code == 200
    assert made.json()["webhook_subscription"]["events"] == list(EVENT_TYPES)


def test_the_url_is_proved_by_a_ping(ask: Ask, sandbox: Sandbox, inbox: Inbox) -> None:
    body = {
        "webhook_subscription": {
            "type": "webhook_subscription",
            "delivery_method": {"type": "http_delivery_method", "url": inbox.url},
            "events": ["incident.triggered"],
            "filter": {"type": "account_reference"},
            "description": "x",
        }
    }
    made = ask("POST", "/webhook_subscriptions", json=body).json()["webhook_subscription"]
    again = ask("GET", f"/webhook_subscriptions/{made['id']}").json()["webhook_subscription"]
    ask("POST", f"/webhook_subscriptions/{made['id']}/ping")

    headers, ping = inbox.wait(1)[0]

    assert json.loads(ping)["event"]["event_type"] == "pagey.ping"
    secret = made["delivery_method"]["secret"]
    assert signatures.verify(ping, headers["X-PagerDuty-Signature"], [secret]) == 0
    assert again["delivery_method"].get("secret") is None, "the secret is told only once"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_receiver_gets_it_again_and_what_follows_waits(
    sandbox: Sandbox, inbox: Inbox, subscription: Json, status: int
) -> None:
    inbox.answers = [status, status]
    incident = open_one(sandbox)
    change(sandbox, incident, "resolved")

    got = inbox.wait(4)

    assert events(got) == ["incident.triggered"] * 3 + ["incident.resolved"]
    assert len({headers["X-Webhook-Id"] for headers, _ in got[:3]}) == 1
    settled(sandbox, "delivered", "delivered")


def test_another_incident_does_not_wait(sandbox: Sandbox, inbox: Inbox, subscription: Json) -> None:
    sandbox.sender.longest_wait = 30.0
    inbox.answers = [500]
    open_one(sandbox)
    inbox.wait(1)
    second = open_one(sandbox)

    assert json.loads(inbox.wait(2)[1][1])["event"]["data"]["id"] == second["id"]


def test_no_answer_in_time_is_tried_again(
    sandbox: Sandbox, inbox: Inbox, subscription: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_SECONDS_TO_ANSWER", 0.1)
    with inbox.news:
        open_one(sandbox)
        _until(lambda: sandbox.store.rows("SELECT attempts FROM deliveries")[0][0] > 0, lambda: "no attempt")

    settled(sandbox, "delivered")
    assert len(inbox.got) >= 2


def test_any_other_4xx_drops_the_event_and_goes_on(
    sandbox: Sandbox, inbox: Inbox, subscription: Json
) -> None:
    inbox.answers = [400]
    incident = open_one(sandbox)
    change(sandbox, incident, "resolved")

    assert events(inbox.wait(2)) == ["incident.triggered", "incident.resolved"]
    settled(sandbox, "dropped", "delivered")


def test_three_drops_in_a_row_disable_the_subscription_for_a_day(
    ask: Ask, sandbox: Sandbox, inbox: Inbox, subscription: Json
) -> None:
    inbox.answers = [401, 401, 401]
    for _ in range(3):
        open_one(sandbox)
    settled(sandbox, "dropped", "dropped", "dropped")

    open_one(sandbox)
    assert len(states(sandbox)) == 3, "events of these hours are lost"
    path = f"/webhook_subscriptions/{subscription['id']}"
    method = ask("GET", path).json()["webhook_subscription"]["delivery_method"]
    assert method["temporarily_disabled"] is True

    with time_machine.travel(time.time() + 24 * 3600 + 1, tick=True):
        assert webhooks.is_active(sandbox.store.get("subscription", subscription["id"]) or {})
    ask("POST", f"{path}/enable")
    open_one(sandbox)
    assert len(inbox.wait(4)) == 4


def test_a_success_between_drops_starts_the_count_anew(
    sandbox: Sandbox, inbox: Inbox, subscription: Json
) -> None:
    inbox.answers = [401, 401, 202, 401, 401]
    for number in range(5):
        open_one(sandbox)
        inbox.wait(number + 1)
        settled(sandbox, *["dropped", "dropped", "delivered", "dropped", "dropped"][: number + 1])

    assert webhooks.is_active(sandbox.store.get("subscription", subscription["id"]) or {})


def test_one_change_has_one_moment_for_every_subscription(sandbox: Sandbox, inbox: Inbox) -> None:
    for _ in range(5):
        sandbox.subscribe("PACME01", inbox.url, [], {"type": "account_reference"})

    open_one(sandbox)

    told = [json.loads(body)["event"] for _, body in inbox.wait(5)]
    assert len({event["id"] for event in told}) == 5
    assert len({event["occurred_at"] for event in told}) == 1


def test_a_subscription_gets_what_it_asked_for(sandbox: Sandbox, inbox: Inbox) -> None:
    filter_ = {"type": "service_reference", "id": "PSVC01"}
    sandbox.subscribe("PACME01", inbox.url, ["incident.resolved"], filter_)

    other, mine = open_one(sandbox, "PSVC00"), open_one(sandbox, "PSVC01")
    change(sandbox, other, "resolved")
    change(sandbox, mine, "resolved")

    got = inbox.wait(1)
    settled(sandbox, "delivered")
    assert [json.loads(body)["event"]["data"]["id"] for _, body in got] == [mine["id"]]


def test_what_is_pending_survives_a_restart(tmp_path: Any, inbox: Inbox) -> None:
    path, clients = str(tmp_path / "sandbox.sqlite3"), {CLIENT: CLIENT_SECRET}
    inbox.answers = [503]
    with SandboxServer(path=path, clients=clients) as before:
        before.sandbox.sender.longest_wait = 0.3
        before.sandbox.subscribe("PACME01", inbox.url, [], {"type": "account_reference"})
        open_one(before.sandbox)
        inbox.wait(1)
        _until(
            lambda: before.sandbox.store.rows("SELECT attempts FROM deliveries")[0][0] == 1, lambda: "no note"
        )
    with SandboxServer(path=path, clients=clients) as after:
        assert len(inbox.wait(2)) == 2
        settled(after.sandbox, "delivered")


def test_subscriptions_are_listed_changed_and_removed(ask: Ask, subscription: Json, sandbox: Sandbox) -> None:
    path = f"/webhook_subscriptions/{subscription['id']}"

    listed = ask("GET", "/webhook_subscriptions").json()["webhook_subscriptions"]
    assert [row["id"] for row in listed] == [subscription["id"]]
    wanted = {"type": "webhook_subscription", "active": False}
    changed = ask("PUT", path, json={"webhook_subscription": wanted}).json()["webhook_subscription"]
    assert changed["active"] is False
    open_one(sandbox)
    assert states(sandbox) == []
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", path).status_code == 404


def test_incidents_by_rest_make_events_too(ask: Ask, inbox: Inbox, subscription: Json) -> None:
    incident = opened(ask)

    assert json.loads(inbox.wait(1)[0][1])["event"]["data"]["id"] == incident["id"]


# --- subscriptions over the REST API -----------------------------------------------------------------
PATH = "/webhook_subscriptions"


def wanted(**changes: Any) -> Json:
    return {
        "webhook_subscription": {
            "type": "webhook_subscription",
            "delivery_method": {"type": "http_delivery_method", "url": "https://us.example/hook"},
            "events": ["incident.triggered"],
            "filter": {"type": "account_reference"},
        }
        | changes
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "webhook"},
        {"delivery_method": {"type": "smtp", "url": "https://us.example/hook"}},
        {"delivery_method": {"type": "http_delivery_method", "url": "us.example"}},
        {"events": []},
        {"events": ["incident.triggered", "incident.triggered"]},
        {"events": ["weather.changed"]},
        {"events": ["incident.teleported"]},
        {"filter": {"type": "planet_reference"}},
        {"filter": {"type": "service_reference"}},
        {"filter": {"type": "team_reference", "id": "PNOBODY"}},
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(ask: Ask, sandbox: Sandbox, changes: Json) -> None:
    assert ask("POST", PATH, json=wanted(**changes)).status_code == 400
    assert sandbox.store.all("subscription") == []


def test_the_secret_is_told_once_and_there_are_ten_of_a_kind_at_most(ask: Ask) -> None:
    made = [ask("POST", PATH, json=wanted()).json()["webhook_subscription"] for _ in range(10)]
    assert all(one["delivery_method"]["secret"] for one in made)
    assert ask("POST", PATH, json=wanted()).status_code == 400
    limited = wanted(filter={"type": "service_reference", "id": "PSVC00"})
    assert ask("POST", PATH, json=limited).status_code == 200

    page = ask("GET", f"{PATH}?limit=4&offset=8&total=true").json()
    assert (len(page["webhook_subscriptions"]), page["more"], page["total"]) == (3, False, 11)
    assert not any(one["delivery_method"]["secret"] for one in page["webhook_subscriptions"])
    narrowed = ask("GET", f"{PATH}?filter_type=service&filter_id=PSVC00").json()["webhook_subscriptions"]
    assert [one["filter"]["id"] for one in narrowed] == ["PSVC00"]


def test_a_change_is_checked_like_a_new_one(ask: Ask) -> None:
    path = f"{PATH}/{ask('POST', PATH, json=wanted()).json()['webhook_subscription']['id']}"

    def put(**changes: Any) -> Any:
        return ask("PUT", path, json={"webhook_subscription": changes})

    assert put(events=["weather.changed"]).status_code == 400
    assert put(filter={"type": "team_reference"}).status_code == 400
    assert put(active="no").status_code == 400
    changed = put(events=["incident.resolved"], active=False).json()["webhook_subscription"]
    assert (changed["events"], changed["active"]) == (["incident.resolved"], False)


def test_subscriptions_need_their_own_scopes(ask: Ask, sign_in: Any) -> None:
    token = sign_in.tokens()["access_token"]
    for method, path in (
        ("GET", PATH),
        ("POST", PATH),
        ("PUT", f"{PATH}/PWH1"),
        ("DELETE", f"{PATH}/PWH1"),
        ("POST", f"{PATH}/PWH1/ping"),
        ("POST", f"{PATH}/PWH1/enable"),
    ):
        answer = ask(method, path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 403, (method, path)
