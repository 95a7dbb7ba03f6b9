"""The history of a connection's calls and its chart."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import responses
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.accounts import api_keys
from connections.models import Connection
from tests.factories import SYSTEM, People, add_note, incident_event, publish
from tests.support.action_calls import failed, made, path_of
from tests.support.agency import INCIDENT, connection
from tests.support.browser import signed_in
from workflows import worker
from workflows.formatting import labels
from workflows.inbox import store
from workflows.models import ActionCall
from workflows.presenters import call_chart, call_history
from workflows.triggers import lifecycle

__all__ = ["connection"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(who: People, connection: Connection, pagerduty: responses.RequestsMock) -> list[ActionCall]:
    """One of a person, one of an API key that failed, one of a workflow's step."""
    key, _ = api_keys.create_key(actor=SYSTEM, workspace=who.acme, name="Report", scopes=["actions:run"])
    trigger = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
    )
    publish(trigger, connection)
    add_note(pagerduty)
    of_person = made(connection, user=who.bob, action="pagerduty/list-users")
    of_api = failed(connection, "incident_not_found", origin="api", api_key=key)
    store.store(trigger, body=json.dumps(incident_event()).encode())
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


def test_the_history_is_narrowed(bob: Client, connection: Connection, calls: list[ActionCall]) -> None:
    expected: dict[str, list[int]] = {
        "?status=failed": [1],
        "?origin=person": [0],
        "?origin=step": [2],
        "?action=pagerduty/create-incident-note": [2],
        "?origin=api&status=completed": [],
        "?status=&origin=&action=": [0, 1, 2],
    }
    for query, found in expected.items():
        page = history(bob, connection, query)

        assert [number for number, call in enumerate(calls) if path_of(call) in page] == found, query
        assert ("No results match your filters." in page) == (found == []), query


def test_a_filter_that_cannot_be_understood_finds_nothing_and_says_so(
    bob: Client, connection: Connection
) -> None:
    call = made(connection)

    answer = bob.get(reverse("actions:calls", args=[connection.pk]) + "?status=odd")

    assert answer.status_code == 400
    assert path_of(call) not in answer.content.decode()


def test_before_the_first_call_the_next_step_is_offered(bob: Client, connection: Connection) -> None:
    page = history(bob, connection)

    assert "No requests yet" in page
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


# --- the chart ---
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

    table = page.partition('aria-label="API requests per day"')[2].partition("</table>")[0]
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


@pytest.mark.parametrize(
    ("completed", "failed", "other"), [(10_000, 1, 1), (1, 10_000, 1), (5, 0, 0), (1, 1, 1), (400, 10, 9)]
)
def test_no_stack_is_higher_than_the_axis_and_every_kind_is_seen(
    completed: int, failed: int, other: int
) -> None:
    day = call_history.Day(timezone.localdate(), completed, failed, other)

    chart = call_chart.of_days([day, call_history.Day(timezone.localdate(), 1, 0, 0)])

    stack = [bar for bar in chart.bars if bar.x == chart.bars[0].x]
    assert len(stack) == sum(1 for calls in (completed, failed, other) if calls)
    assert min(bar.height for bar in stack) >= 2
    assert min(bar.y for bar in stack) == pytest.approx(chart.top, abs=0.1)
    assert min(bar.y for bar in stack) >= chart.top


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
    address = reverse("connections:connection_audit", args=[connection.pk])

    # With a filter set, as the filters of an empty list are not shown without.
    page = bob.get(address, {"action": "action.called"}).content.decode()

    assert '<option value="action.called" selected>Ran an action</option>' in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "< 0.1 s"), (0.84, "0.8 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")],
)
def test_how_long_is_said_shortly(seconds: float, words: str) -> None:
    assert labels.how_long(timedelta(seconds=seconds)) == words
