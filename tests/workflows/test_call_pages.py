"""The page of a call, the history of a connection's calls, and the chart, whatever a provider has answered."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections import api_keys
from connections.models import Connection
from tests.connections.test_pages import signed_in
from tests.people import People, people
from tests.workflows.conftest import API, SYSTEM, add_note, connect, incident_event, publish
from workflows import call_history, inbox, raw_json, triggers, wording, worker
from workflows.models import ActionCall

pytestmark = pytest.mark.django_db
INCIDENT = {
    "id": "PINC1",
    "title": "Checkout is slow",
    "status": "triggered",
    "created_at": "2026-11-01T23:30:00Z",
    "html_url": "https://acme.pagerduty.com/incidents/PINC1",
    "service": {"id": "PSVC1", "summary": "Payments"},
    "assignments": [],
}


@pytest.fixture
def who(db: None) -> People:
    return people()


@pytest.fixture
def connection(who: People) -> Connection:
    return connect(who.acme)


@pytest.fixture
def bob(who: People) -> Client:
    return signed_in(who.bob)


def made(connection: Connection, **fields: Any) -> ActionCall:
    """A call that a person asked for; completed unless fields say otherwise."""
    now = timezone.now()
    defaults = {
        "action": "pagerduty/get-incident",
        "origin": "person",
        "input": {"incident_id": "PINC1"},
        "status": "completed",
        "attempts": 1,
        "fingerprint": "x",
        "finished_at": now if fields.get("status", "completed") in ("completed", "failed") else None,
    }
    call = ActionCall(workspace=connection.workspace, connection=connection, **(defaults | fields))
    call.save()
    return call


def failed(connection: Connection, code: str, **fields: Any) -> ActionCall:
    error = {
        "code": code,
        "message": f"It was {code}.",
        "provider_status": None,
        "retryable": False,
        "detail": {},
    }
    return made(connection, status="failed", error=error | fields.pop("error", {}), **fields)


def path_of(call: ActionCall) -> str:
    return reverse("actions:call", args=[call.pk])


def page_of(browser: Client, call: ActionCall) -> str:
    answer = browser.get(path_of(call))
    assert answer.status_code == 200
    return str(answer.content.decode())


def facts(page: str) -> dict[str, str]:
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", value).strip() for name, value in pairs}


# --- a result ----------------------------------------------------------------------------------------------
def test_a_result_is_read_as_facts_with_the_way_to_the_provider(bob: Client, connection: Connection) -> None:
    call = made(connection, output={"incident": INCIDENT})
    bob.cookies["zone"] = "Europe/Berlin"

    page = page_of(bob, call)

    shown = facts(page)
    assert (shown["Title"], shown["Service"], shown["Incident ID"]) == (
        "Checkout is slow",
        "Payments",
        "PINC1",
    )
    assert shown["Created at"].startswith("2 Nov")
    assert "Assignments" not in shown
    assert re.search(r'href="https://acme.pagerduty.com/incidents/PINC1"[^>]*rel="noopener noreferrer"', page)
    assert "<summary>Output as JSON</summary>" in page


def test_from_a_result_one_goes_on_with_the_same_object(bob: Client, connection: Connection) -> None:
    page = page_of(bob, made(connection, output={"incident": INCIDENT}))

    way = reverse("actions:try", args=[connection.pk, "pagerduty", "create-incident-note"])
    assert f'href="{way}?incident_id=PINC1"' in page


def test_a_list_is_a_table_that_says_what_it_leaves_out(bob: Client, connection: Connection) -> None:
    rows = [{**INCIDENT, "id": f"PINC{n}"} for n in range(60)]
    output = {"incidents": rows, "offset": 0, "limit": 100, "more": True, "total": 130}

    page = page_of(bob, made(connection, action="pagerduty/list-incidents", output=output))

    assert "Incidents: 60" in page
    assert "The first 50 of 60 are shown." in page
    assert "There are 130 in all." in page
    assert "There are more" in page
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<tr>") == 50
    assert "Payments" in table
    assert '<th scope="col">Title</th>' in page


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"incidents": [], "more": False}, "Nothing was found."),
        (
            {"incidents": [INCIDENT], "more": True, "incomplete_reason": "PagerDuty lists 10,000."},
            "lists 10,000.",
        ),
        ({"incidents": ["strange", None, 7, INCIDENT], "more": False}, "Checkout is slow"),
        ({"incidents": "strange"}, "Done."),
        (None, "Done."),
        (["strange"], "Done."),
    ],
    ids=range(6),
)
def test_any_output_makes_a_page(bob: Client, connection: Connection, output: Any, words: str) -> None:
    assert words in page_of(bob, made(connection, action="pagerduty/list-incidents", output=output))


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "http://acme.pagerduty.com/",
        "https://evil.example/",
        "https://evil.example/.pagerduty.com",
        "https://evil.example\\.pagerduty.com/",
        "https://pagerduty.com@evil.example/",
        "https://pagerduty.com.evil.example/",
        "https://acme.pagerduty.com:x/",
        " https://acme.pagerduty.com/",
        'https://acme.pagerduty.com/"onclick="x\n',
        ["https://acme.pagerduty.com/"],
    ],
    ids=range(11),
)
def test_a_link_that_leads_elsewhere_is_no_link(bob: Client, connection: Connection, link: Any) -> None:
    output = {"incident": {**INCIDENT, "html_url": link}}
    listed = {"incidents": [output["incident"]], "more": False}

    for call in (
        made(connection, output=output),
        made(connection, action="pagerduty/list-incidents", output=listed),
    ):
        page = page_of(bob, call)
        assert "Open in PagerDuty" not in page
        assert 'target="_blank"' not in page


def test_hostile_text_is_only_text(bob: Client, connection: Connection) -> None:
    script = "<script>alert(1)</script>{{ x }}"
    hostile = {
        **INCIDENT,
        "title": script,
        "service": {"summary": script},
        "status": [script],
        "id": {"id": script},
    }
    error = {"message": script, "detail": {"fields": {script: [script], "from": {"0": [script]}}}}

    pages = [
        page_of(
            bob, made(connection, output={"incident": hostile}, input={"incident_id": script, script: script})
        ),
        page_of(bob, made(connection, action="pagerduty/list-incidents", output={"incidents": [hostile]})),
        page_of(bob, failed(connection, script, error=error)),
        bob.get(reverse("actions:calls", args=[connection.pk])).content.decode(),
    ]

    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_is_enormous_is_cut(bob: Client, connection: Connection) -> None:
    long = "x" * 1_000_000
    deep: Any = "core"
    for _ in range(400):
        deep = {"inner": [deep]}
    output = {"incident": {**INCIDENT, "title": long, "service": deep, "id": 10**4000, "status": [long] * 3}}
    many = {"incidents": [{**INCIDENT, "title": long[:50_000]} for _ in range(60)], "more": False}

    pages = [
        page_of(bob, made(connection, output=output)),
        page_of(bob, made(connection, action="pagerduty/list-incidents", output=many)),
    ]

    for page in pages:
        assert len(page) < 250_000
        assert "This is only its beginning." in page
    assert "(1,000,000 characters)" in pages[0]


def test_json_nested_deeper_than_python_goes_is_shown_as_far_as_it_goes() -> None:
    deep: Any = "core"
    for _ in range(100_000):
        deep = [deep]

    text, cut = raw_json.shown(deep)

    assert cut
    assert text.startswith("[")


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "soon", 7]
)
def test_a_time_that_is_none_is_text(bob: Client, connection: Connection, value: Any) -> None:
    bob.cookies["zone"] = "America/New_York"

    page = page_of(bob, made(connection, output={"incident": {**INCIDENT, "created_at": value}}))

    assert facts(page)["Created at"] == str(value)


# --- an error ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("from_not_a_user", "Choose somebody who is a user"),
        ("incident_not_found", "Check the incident’s ID"),
        ("missing_scope", "Have the permission allowed in PagerDuty, then reconnect"),
        ("reconnection_needed", "Reconnect this connection."),
        ("provider_unreachable", "PagerDuty could not be reached"),
        ("of_tomorrow", "It was of_tomorrow."),
    ],
)
def test_an_error_says_what_can_be_done(bob: Client, connection: Connection, code: str, hint: str) -> None:
    page = page_of(bob, failed(connection, code, error={"provider_status": 400}))

    assert f"It was {code}." in page
    assert hint in page
    assert "PagerDuty answered 400." in page
    assert "It is not tried again by itself." in page
    reconnects = reverse("connections:reconnect", args=[connection.pk]) in page
    assert reconnects == (code in ("missing_scope", "reconnection_needed"))


def test_an_error_found_after_dispatch_names_the_field_and_leads_back_to_the_filled_form(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    form = reverse("actions:try", args=[connection.pk, "pagerduty", "create-incident-note"])
    note = {
        "from": "stranger@acme.example",
        "incident_id": "PINC1",
        "content": "Look at it",
        "_once": "b" * 32,
    }

    page = bob.post(form, note, follow=True).content.decode()

    assert "From: Not the e-mail address of a user" in page
    way = re.search(rf'href="({re.escape(form)}\?again=[^"]+)"', page)
    assert way
    again = bob.get(way[1], follow=True).content.decode()
    assert "Last time: stranger@acme.example is not a user" in again
    assert '<option value="stranger@acme.example" selected>' in again
    assert 'value="PINC1"' in again
    assert "Look at it</textarea>" in again
    assert "b" * 32 not in again


def test_an_answer_that_was_lost_is_warned_of(bob: Client, connection: Connection) -> None:
    page = page_of(bob, failed(connection, "provider_timeout", unsure=True, error={"retryable": True}))

    assert "it may have been done all the same" in page
    assert "Trying later may help." in page


# --- while it is open --------------------------------------------------------------------------------------
def test_a_call_that_waits_says_why_and_until_when(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refusal = {"error": {"message": "Rate Limit Exceeded", "code": 2020}}
    pagerduty.get(f"{API}/incidents/PINC1", status=429, json=refusal, headers={"Retry-After": "600"})
    form = reverse("actions:try", args=[connection.pk, "pagerduty", "get-incident"])
    bob.cookies["zone"] = "Asia/Tokyo"

    with time_machine.travel(datetime(2026, 11, 1, 14, 55, tzinfo=UTC), tick=False):
        page = bob.post(form, {"incident_id": "PINC1", "_once": "b" * 32}, follow=True).content.decode()

    assert "Not done yet: Rate Limit Exceeded" in page
    assert re.search(r"tried again by itself, next <time[^>]*>2 Nov, 00:0\d</time>", page)
    assert "PagerDuty asks for fewer requests" in page
    call = ActionCall.objects.get()
    assert f'hx-get="{path_of(call)}progress/?seen=waiting-1"' in page
    assert "try again" not in page.partition("<main")[2].partition('id="state"')[0]


def test_the_page_is_loaded_anew_when_something_has_changed(bob: Client, connection: Connection) -> None:
    call = made(connection, status="waiting", next_attempt_at=timezone.now(), error={"message": "Slow"})
    progress = f"{path_of(call)}progress/"

    same, changed = bob.get(f"{progress}?seen=waiting-1"), bob.get(f"{progress}?seen=running-1")

    assert (same.status_code, "HX-Refresh" in same.headers) == (204, False)
    assert (changed.status_code, changed.headers["HX-Refresh"]) == (200, "true")


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "paused"])
def test_a_call_that_is_over_is_not_asked_about(bob: Client, connection: Connection, status: str) -> None:
    call = made(connection, status=status, output={}, error={"message": "Over", "code": "x"})

    page = page_of(bob, call)

    assert "hx-get" not in page.partition("<main")[2]


def test_without_a_free_slot_the_workers_do_it(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoneFree:
        def acquire(self, *, blocking: bool) -> bool:
            return False

    monkeypatch.setattr("connections.slots._slots", NoneFree())
    form = reverse("actions:try", args=[connection.pk, "pagerduty", "get-incident"])

    page = bob.post(form, {"incident_id": "PINC1", "_once": "b" * 32}, follow=True).content.decode()

    assert "as soon as a worker is free" in page
    assert ActionCall.objects.get().status == "pending"


# --- history -----------------------------------------------------------------------------------------------
@pytest.fixture
def calls(who: People, connection: Connection, pagerduty: responses.RequestsMock) -> list[ActionCall]:
    """One of a person, one of an API key that failed, one of a workflow's step."""
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Report", scopes=["actions:run"])
    trigger = triggers.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
    )
    publish(trigger, connection)
    add_note(pagerduty)
    of_person = made(connection, user=who.bob, action="pagerduty/list-users")
    of_api = failed(connection, "incident_not_found", origin="api", api_key=key)
    inbox.store(trigger, body=json.dumps(incident_event()).encode())
    worker.drain()
    return [of_person, of_api, ActionCall.objects.get(origin="step")]


def history(browser: Client, connection: Connection, query: str = "") -> str:
    answer = browser.get(reverse("actions:calls", args=[connection.pk]) + query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_every_call_is_listed_with_who_asked_and_what_came_of_it(
    bob: Client, who: People, connection: Connection, calls: list[ActionCall]
) -> None:
    page = history(bob, connection)

    for call in calls:
        assert path_of(call) in page
    for words in (
        "List users",
        "Get incident",
        "Create incident note",
        who.bob.email,
        "API key Report",
        "Workflow Note",
    ):
        assert words in page
    assert "It was incident_not_found." in page
    assert page.count('class="badge good"') == 2
    assert page.count('class="badge bad"') == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=failed", [1]),
        ("?origin=person", [0]),
        ("?origin=step", [2]),
        ("?action=pagerduty/create-incident-note", [2]),
        ("?origin=api&status=completed", []),
        ("?status=&origin=&action=", [0, 1, 2]),
    ],
)
def test_the_history_is_narrowed(
    bob: Client, connection: Connection, calls: list[ActionCall], query: str, found: list[int]
) -> None:
    page = history(bob, connection, query)

    assert [number for number, call in enumerate(calls) if path_of(call) in page] == found
    assert ("Nothing that matches." in page) == (found == [])


def test_a_filter_that_cannot_be_understood_finds_nothing_and_says_so(
    bob: Client, connection: Connection
) -> None:
    call = made(connection)

    answer = bob.get(reverse("actions:calls", args=[connection.pk]) + "?status=odd")

    assert answer.status_code == 400
    assert path_of(call) not in answer.content.decode()


def test_before_the_first_call_the_next_step_is_offered(bob: Client, connection: Connection) -> None:
    page = history(bob, connection)

    assert "Nothing has been done yet" in page
    assert reverse("actions:list", args=[connection.pk]) in page
    assert '<svg class="chart' not in page


def test_the_history_is_paged(bob: Client, connection: Connection) -> None:
    now = timezone.now()
    for number in range(60):
        made(connection, created_at=now - timedelta(minutes=number))

    first, last = history(bob, connection), history(bob, connection, "?page=2&status=completed")

    assert (first.count('href="/calls/'), last.count('href="/calls/')) == (50, 10)
    assert "?status=completed&amp;page=1" in last


@pytest.mark.parametrize("name", ["history", "connection", "call", "actions"])
def test_a_page_takes_as_many_queries_for_many_calls_as_for_one(
    bob: Client, who: People, connection: Connection, calls: list[ActionCall], name: str
) -> None:
    url = {
        "history": reverse("actions:calls", args=[connection.pk]),
        "connection": reverse("connections:detail", args=[connection.pk]),
        "call": path_of(calls[2]),
        "actions": reverse("actions:list", args=[connection.pk]),
    }[name]
    bob.get(url)

    def queries() -> list[str]:
        with CaptureQueriesContext(database) as seen:
            assert bob.get(url).status_code == 200
        return [query["sql"] for query in seen.captured_queries]

    before = queries()
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Other", scopes=["actions:run"])
    for _ in range(12):
        made(connection, user=who.alice)
        failed(connection, "x", origin="api", api_key=key)
    after = queries()

    assert len(after) == len(before)
    if name in ("history", "connection"):
        assert not any('"output"' in sql for sql in after)


@pytest.mark.parametrize("what", ["history", "call", "progress"])
def test_others_see_nothing_of_it(who: People, connection: Connection, what: str) -> None:
    call = made(connection, output={"incident": INCIDENT})
    paths = {
        "history": reverse("actions:calls", args=[connection.pk]),
        "call": path_of(call),
        "progress": f"{path_of(call)}progress/",
    }

    foreign = signed_in(who.charlie).get(paths[what])
    stranger = Client().get(paths[what])

    assert foreign.status_code == 404
    assert stranger.status_code == 302
    assert stranger["Location"].startswith("/accounts/login/")
    assert signed_in(who.bob).post(paths[what]).status_code == 405


# --- the chart ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", {"Sat 31 Oct": (1, 0, 0), "Sun 1 Nov": (1, 1, 0), "Mon 2 Nov": (0, 1, 1)}),
        ("Asia/Tokyo", {"Sun 1 Nov": (2, 0, 0), "Mon 2 Nov": (0, 2, 1)}),
        ("America/New_York", {"Sat 31 Oct": (1, 0, 0), "Sun 1 Nov": (1, 2, 0), "Mon 2 Nov": (0, 0, 1)}),
    ],
)
def test_the_chart_counts_the_days_of_the_readers_zone(
    bob: Client, connection: Connection, zone: str, expected: dict[str, tuple[int, int, int]]
) -> None:
    def at(day: int, hour: int, month: int = 11) -> datetime:
        return datetime(2026, month, day, hour, 30, tzinfo=UTC)

    made(connection, created_at=at(31, 20, month=10))
    made(connection, created_at=at(1, 5))
    failed(connection, "x", created_at=at(1, 16))
    failed(connection, "x", created_at=at(2, 4))
    made(connection, status="cancelled", created_at=at(2, 6))
    made(connection, created_at=at(10, 6, month=10))
    bob.cookies["zone"] = zone

    with time_machine.travel(at(2, 12), tick=False):
        page = history(bob, connection)

    table = page.partition('aria-label="Calls a day"')[2].partition("</table>")[0]
    rows = re.findall(r'<th scope="row">(.*?)</th>' + r"\s*<td[^>]*>(\d+)</td>" * 3, table)
    assert len(rows) == call_history.DAYS
    seen = {day: (int(good), int(bad), int(other)) for day, good, bad, other in rows}
    assert {day: counts for day, counts in seen.items() if any(counts)} == expected
    assert "2 completed, 2 failed, 1 other" in page


def test_the_chart_draws_each_day_as_a_stack(bob: Client, connection: Connection) -> None:
    for _ in range(3):
        made(connection)
    failed(connection, "x")

    page = history(bob, connection)

    bars = re.findall(r'<rect class="(\w+)"[^>]*height="([\d.]+)"', page)
    heights = {kind: float(height) for kind, height in bars}
    assert set(heights) == {"good", "bad"}
    assert heights["good"] == pytest.approx(3 * heights["bad"], rel=0.02)
    assert 'role="img" aria-labelledby="chart-title"' in page


def test_the_page_of_a_connection_shows_its_newest_calls(
    bob: Client, connection: Connection, calls: list[ActionCall]
) -> None:
    now = timezone.now()
    newest = [made(connection, created_at=now + timedelta(minutes=number)) for number in range(5)]

    page = bob.get(reverse("connections:detail", args=[connection.pk])).content.decode()

    for call in newest:
        assert path_of(call) in page
    assert path_of(calls[0]) not in page
    assert 'class="chart"' in page
    assert reverse("actions:list", args=[connection.pk]) in page
    assert reverse("actions:calls", args=[connection.pk]) in page


def test_running_an_action_has_words_in_the_audit(bob: Client, connection: Connection) -> None:
    page = bob.get(reverse("connections:connection_audit", args=[connection.pk])).content.decode()

    assert "Ran an action" in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "under 0.1 s"), (0.84, "0.8 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")],
)
def test_how_long_is_said_shortly(seconds: float, words: str) -> None:
    assert wording.how_long(timedelta(seconds=seconds)) == words
