"""A delivery in words: PagerDuty's own bodies, and whatever else somebody may sign."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pagerduty_app.payloads.describe import in_words
from pagerduty_app.signatures import looks_signed
from pagerduty_app.triggers.types import TRIGGERS
from workflows.catalog import Words

EVENTS = os.environ.get("PAGERDUTY_EVENTS")


@pytest.mark.parametrize("status", ["triggered", "acknowledged", "resolved"])
def test_a_sample_says_which_incident_where_how_urgent_and_by_whom(status: str) -> None:
    words = in_words(TRIGGERS[f"pagerduty/incident-{status}"].sample)

    assert words.subject == "Checkout answers slowly"
    assert dict(words.facts) | {"Status": ""} == {
        "Incident": "#42",
        "Service": "Payments",
        "Urgency": "high",
        "Priority": "P1",
        "Status": "",
        "Assigned to": "Dana Rivera",
        "Actor": "Dana Rivera",
    }
    assert words.happened_at == datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    assert words.url == "https://acme.pagerduty.com/incidents/PSAMPLE1"


def test_the_sample_of_a_hand_over_says_who_is_on_call_where_and_until_when() -> None:
    words = in_words(TRIGGERS["pagerduty/on-call-changed"].sample)

    assert words.subject == "Payments on call: Eli Novak"
    assert dict(words.facts) == {
        "Schedule": "Payments on call",
        "On call before": "Dana Rivera",
        "On call now": "Eli Novak",
        "Until": "9 Nov 2026, 08:00 UTC",
    }
    assert words.happened_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert words.url == "https://acme.pagerduty.com/schedules/PSCHED1"


def test_the_sample_of_a_note_says_what_it_says_and_whose() -> None:
    words = in_words(TRIGGERS["pagerduty/incident-note-added"].sample)

    assert words.subject == "Checkout answers slowly"
    assert dict(words.facts) == {"Note": "The queue is full; looking into it", "Actor": "Dana Rivera"}
    assert words.url == "https://acme.pagerduty.com/incidents/PSAMPLE1"


def test_a_note_is_called_like_its_incident() -> None:
    incident = {
        "id": "PINC1",
        "summary": "Disk is full",
        "html_url": "https://acme.pagerduty.com/incidents/PINC1",
    }
    words = in_words(
        {"event": {"data": {"type": "incident_note", "content": "Looking", "incident": incident}}}
    )

    assert (words.subject, words.url) == ("Disk is full", incident["html_url"])


def test_a_ping_says_so() -> None:
    ping = {"event": {"event_type": "pagey.ping", "data": {"message": "Hello from your friend Pagey!"}}}

    assert in_words(ping).subject == "PagerDuty’s test message"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        [],
        {},
        {"event": []},
        {"event": {"data": 3, "agent": "x", "occurred_at": 9}},
        {
            "event": {
                "data": {"title": 3, "service": "x", "assignees": [3, None], "number": True, "html_url": {}}
            }
        },
        {"event": {"occurred_at": "2026-13-45T99:00:00Z"}},
        {"event": {"occurred_at": "2026-11-02T09:30:00"}},
        {"event": {"occurred_at": "0001-01-01T00:00:00+14:00"}},
        {"event": {"data": {"html_url": "javascript:alert(1)"}}},
    ],
)
def test_what_says_nothing_is_nothing(payload: Any) -> None:
    assert in_words(payload) == Words()


def test_text_from_outside_is_one_printable_line_of_bounded_length() -> None:
    title = "two\nlines\u202e\ud800 " + "x" * 1_000

    subject = in_words({"event": {"data": {"title": title}}}).subject

    assert subject.isprintable()
    assert subject.startswith("two lines")
    assert len(subject) <= 300


@pytest.mark.skipif(
    EVENTS is None, reason="set PAGERDUTY_EVENTS to a folder with one webhook body per event type"
)
def test_every_event_that_is_about_an_incident_has_a_subject() -> None:
    for file in sorted(Path(EVENTS or "").glob("incident.*.json")):
        words = in_words(json.loads(file.read_text()))

        assert words.subject or file.name == "incident.role.assigned.json", file.name
        assert words.happened_at, file.name


@pytest.mark.parametrize(
    ("header", "so"), [("v1=0", True), (" v2=0 , v1=0 ", True), ("v1=", False), (None, False)]
)
def test_a_header_looks_signed_when_it_has_any_signature_of_that_version(
    header: str | None, so: bool
) -> None:
    assert looks_signed(header) is so
