"""The page of a call: its result as a person reads it, an error with what can be done, and while it is open."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from core.text import json_preview
from tests.factories import API
from tests.support.action_calls import facts, failed, made, page_of, path_of
from tests.support.agency import INCIDENT, connection
from workflows.models import ActionCall

__all__ = ["connection"]
pytestmark = pytest.mark.django_db


# --- a result ---
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


def test_an_update_that_found_nothing_to_do_says_so(bob: Client, connection: Connection) -> None:
    output = {"incident": INCIDENT, "changed": False, "reason": "already_resolved", "applied": []}
    call = made(connection, action="pagerduty/update-incident", output=output | {"reopened": False})

    shown = facts(page_of(bob, call))

    assert (shown["Changed"], shown["Reason"]) == ("no", "The incident is already resolved.")
    assert "Written" not in shown


def test_an_update_from_before_there_was_more_to_say_is_still_shown(
    bob: Client, connection: Connection
) -> None:
    call = made(connection, action="pagerduty/update-incident", output={"incident": INCIDENT})

    shown = facts(page_of(bob, call))

    assert shown["Title"] == "Checkout is slow"
    assert "Changed" not in shown


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
    assert "130 in total." in page
    assert "More results exist" in page
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<tr>") == 50
    assert "Payments" in table
    assert '<th scope="col">Title</th>' in page


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"incidents": [], "more": False}, "No results."),
        (
            {"incidents": [INCIDENT], "more": True, "incomplete_reason": "PagerDuty lists 10,000."},
            "lists 10,000.",
        ),
        ({"incidents": ["strange", None, 7, INCIDENT], "more": False}, "Checkout is slow"),
        ({"incidents": "strange"}, "Succeeded"),
        (None, "Succeeded"),
        (["strange"], "Succeeded"),
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
        assert "Truncated. Fetch the full payload from the API:" in page
    assert "(1,000,000 characters)" in pages[0]


def test_json_nested_deeper_than_python_goes_is_shown_as_far_as_it_goes() -> None:
    deep: Any = "core"
    for _ in range(100_000):
        deep = [deep]

    text, cut = json_preview.shown(deep)

    assert cut
    assert text.startswith("[")


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "soon", 7]
)
def test_a_time_that_is_none_is_text(bob: Client, connection: Connection, value: Any) -> None:
    bob.cookies["zone"] = "America/New_York"

    page = page_of(bob, made(connection, output={"incident": {**INCIDENT, "created_at": value}}))

    assert facts(page)["Created at"] == str(value)


# --- an error ---
@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("from_not_a_user", "Choose a user"),
        ("incident_not_found", "Check the incident’s ID"),
        ("missing_scope", "Grant the permission in PagerDuty, then reconnect"),
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
    assert "No automatic retry." in page
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

    assert "From: Not the email address of a user" in page
    way = re.search(rf'href="({re.escape(form)}\?again=[^"]+)"', page)
    assert way
    again = bob.get(way[1], follow=True).content.decode()
    assert "Previous attempt: stranger@acme.example is not a user" in again
    assert '<option value="stranger@acme.example" selected>' in again
    assert 'value="PINC1"' in again
    assert "Look at it</textarea>" in again
    assert "b" * 32 not in again


def test_an_answer_that_was_lost_is_warned_of(bob: Client, connection: Connection) -> None:
    page = page_of(bob, failed(connection, "provider_timeout", unsure=True, error={"retryable": True}))

    assert "We didn’t receive a response, so the request may have succeeded." in page
    assert "You can retry it." in page


# --- while it is open ---
def test_a_call_that_waits_says_why_and_until_when(
    bob: Client, connection: Connection, pagerduty: responses.RequestsMock
) -> None:
    refusal = {"error": {"message": "Rate Limit Exceeded", "code": 2020}}
    pagerduty.get(f"{API}/incidents/PINC1", status=429, json=refusal, headers={"Retry-After": "600"})
    form = reverse("actions:try", args=[connection.pk, "pagerduty", "get-incident"])
    bob.cookies["zone"] = "Asia/Tokyo"

    with time_machine.travel(datetime(2026, 11, 1, 14, 55, tzinfo=UTC), tick=False):
        page = bob.post(form, {"incident_id": "PINC1", "_once": "b" * 32}, follow=True).content.decode()

    assert "Retrying: Rate Limit Exceeded" in page
    assert re.search(r"Next automatic retry at <time[^>]*>2 Nov, 00:0\d:\d\d</time>", page)
    assert "PagerDuty is rate limiting requests" in page
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
    monkeypatch.setattr("core.request_slots.MOST_OF_OTHERS", 0)
    form = reverse("actions:try", args=[connection.pk, "pagerduty", "get-incident"])

    page = bob.post(form, {"incident_id": "PINC1", "_once": "b" * 32}, follow=True).content.decode()

    assert '<p class="waiting">Queued</p>' in page
    assert ActionCall.objects.get().status == "pending"
